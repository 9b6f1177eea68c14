"""ImageNet weights: where they come from, what they take, and what is said when they cannot be had."""

import subprocess
import sys
from copy import deepcopy

import pytest
import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn
from torch.nn import functional

from distill.data.normalise import normalise
from students.attention import attention
from students.pretrained import packaged_weights, take_normalised

CREATE = (
    "from students.attention import attention; attention({'heatmaps': 17}, size='s', pretrained=True); print('made')"
)


def test_imagenet_weights_of_a_package_need_no_server(monkeypatch):
    monkeypatch.setattr("students.pretrained._ask_for_weights", lambda: pytest.fail("a server is asked"))
    student = attention({"heatmaps": 17}, size="lite0", pretrained=True)
    published = list(torch.load(packaged_weights("tf_efficientnet_lite0"), weights_only=True).values())
    ours = student.backbone.network.state_dict()
    assert len(published) - len(ours) == 8
    differing = [name for name, value in zip(ours, published, strict=False) if not torch.equal(ours[name], value)]
    assert differing == ["conv_stem.weight", "bn1.running_mean"]
    whole = timm.create_model("tf_efficientnet_lite0")
    whole.load_state_dict(dict(zip(whole.state_dict(), published, strict=True)))
    images = torch.randint(0, 256, (1, 256, 256, 3), dtype=torch.uint8)
    wanted = (images.permute(0, 3, 1, 2).float() - 127.5) / 127.5
    with torch.no_grad():
        torch.testing.assert_close(
            inner(stem(student.backbone.network.eval(), normalise(images))), inner(stem(whole.eval(), wanted))
        )
        given, published = student.backbone.eval()(normalise(images))[-1], whole.blocks(stem(whole, wanted))
    assert functional.cosine_similarity(given.flatten(), published.flatten(), dim=0) > 0.98


def stem(network, images):
    """What the first convolution and the normalisation after it make of images."""
    return network.bn1(network.conv_stem(images))


def inner(maps):
    """Maps without the cells that see beyond the border."""
    return maps[..., 1:-1, 1:-1]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("channels", [3, 1])
def test_a_network_of_another_normalisation_takes_ours(bias, channels):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(channels, 8, 3, bias=bias), nn.BatchNorm2d(8)).eval()
    before = deepcopy(network)
    grey = torch.randint(0, 256, (2, 9, 9, 1), dtype=torch.uint8)
    images = grey.expand(-1, -1, -1, 3) if channels == 1 else torch.randint(0, 256, (2, 9, 9, 3), dtype=torch.uint8)
    mean, std = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)) if channels == 1 else ((0.1, 0.5, 0.7), (0.2, 0.5, 1.0))
    wanted = (images / 255 - torch.tensor(mean)).div(torch.tensor(std)).permute(0, 3, 1, 2)[:, :channels]
    taken = normalise(images).mean(1, keepdim=True) if channels == 1 else normalise(images)
    with torch.no_grad():
        given = take_normalised(network, mean, std)(taken)
        torch.testing.assert_close(given, before(wanted), rtol=0, atol=1e-5)


def test_layers_that_cannot_take_it_in_are_refused():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.Conv2d(8, 8, 3))
    take_normalised(network, IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    with pytest.raises(ValueError, match="want another normalisation"):
        take_normalised(network, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_other_networks_have_no_package():
    assert packaged_weights("mobilenetv4_conv_small") is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "no ImageNet weights for mobilenetv4_conv_small"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
    ],
    ids=["offline", "unreachable"],
)
def test_missing_imagenet_weights_are_one_warning(settings, reason, repository, tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "HF_HOME": str(tmp_path), "PYTHONPATH": str(repository), **settings}
    made = subprocess.run([sys.executable, "-c", CREATE], env=environment, capture_output=True, text=True, timeout=60)
    assert made.stdout == "made\n"
    warning = made.stderr.strip()
    assert reason in warning and "random" in warning and "\n" not in warning
