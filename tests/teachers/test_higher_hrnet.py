import pytest
import torch

from teachers.higher_hrnet import HigherHRNet

NARROW = {"width": 8, "bottlenecks": 1, "bottleneck_width": 8, "modules": (1, 1, 1), "blocks": 1}


@pytest.fixture(scope="module")
def network():
    """A narrow network for 5 joints."""
    torch.manual_seed(0)
    return HigherHRNet(num_keypoints=5, **NARROW).eval()


@pytest.mark.parametrize(("height", "width"), [(64, 96), (128, 32)])
def test_maps_have_the_stated_shapes(network, height, width):
    with torch.inference_mode():
        maps = network(torch.zeros(2, 3, height, width))
    assert {name: tuple(values.shape) for name, values in maps.items()} == {
        "heatmaps_s4": (2, 5, height // 4, width // 4),
        "tags_s4": (2, 5, height // 4, width // 4),
        "heatmaps_s2": (2, 5, height // 2, width // 2),
    }


def test_images_of_a_batch_do_not_touch_each_other(network):
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = network(images)
        alone = network(images[1:2])
    for name, values in together.items():
        torch.testing.assert_close(values[1:2], alone[name])


def test_every_parameter_is_trained():
    network = HigherHRNet(num_keypoints=5, **NARROW)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    sum(values.square().sum() for values in network(images).values()).backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []


def test_heads_start_near_zero(network):
    """So that the first losses are those of empty maps."""
    with torch.inference_mode():
        maps = network(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2)))
    assert max(values.abs().max() for values in maps.values()) < 1
