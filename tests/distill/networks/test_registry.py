"""Every network by name, with the keys that losses, decoding and export read."""

import pytest
import torch

from distill.networks import registry as networks
from distill.system.errors import InputError


@pytest.mark.parametrize("name", ["attention_xs", "attention_s", "higher_hrnet_demo"])
def test_outputs_are_named_by_stride(name):
    outputs = networks.create(name, 14).eval()(torch.zeros(1, 3, 64, 96))
    for key, maps in outputs.items():
        if key == "attention":
            assert maps.shape == (1, 1, 16, 24)
            continue
        stride = int(key.partition("_s")[2])
        assert maps.shape == (1, 14, 64 // stride, 96 // stride)
    assert {"heatmaps_s4", "tags_s4"} <= set(outputs)


def test_unknown_name_lists_all():
    with pytest.raises(InputError, match=r"attention_xl.*higher_hrnet_w48.*attention_m"):
        networks.create("attention_xl", 17)


def test_teachers_have_no_imagenet_weights():
    with pytest.raises(InputError, match="set pretrained to false"):
        networks.create("higher_hrnet_demo", 17, pretrained=True)
