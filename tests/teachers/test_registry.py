import pytest
import torch

from teachers.registry import CONFIGS, create


@pytest.mark.parametrize("name", CONFIGS)
def test_every_name_makes_a_network_of_its_joints(name):
    network = create(name, 14)
    assert network.num_keypoints == 14
    assert network.final_layers[0].out_channels == 28
    assert network.final_layers[1].out_channels == 14
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_the_demo_fits_into_8_megabytes_in_half_precision():
    state = create("higher_hrnet_demo", 17).state_dict()
    assert sum(2 * value.numel() for value in state.values()) < 8e6


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'hrnet' is unknown; choose from higher_hrnet_w32, higher_hrnet_w48"):
        create("hrnet", 17)
