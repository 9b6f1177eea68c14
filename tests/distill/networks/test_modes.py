"""Modes come back module by module, and what is frozen neither moves nor counts."""

import pytest
import torch
from torch import nn

from distill.networks.modes import evaluating, freeze, freeze_norm
from distill.system.errors import InputError


@pytest.fixture
def network():
    torch.manual_seed(0)
    parts = {name: nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)) for name in ("backbone", "backbone_more")}
    return nn.Sequential().train().append(nn.ModuleDict(parts))[0].train()


def test_a_part_keeps_its_parameters_and_statistics(network):
    freeze(network, ["backbone"])
    assert [name for name, p in network.named_parameters() if p.requires_grad] == [
        f"backbone_more.{layer}" for layer in ("0.weight", "0.bias", "1.weight", "1.bias")
    ]
    assert not network["backbone"][1].training and network["backbone_more"][1].training


def test_single_layers_and_parameters_can_be_named(network):
    freeze(network, ["backbone.0", "backbone_more.1.weight"])
    frozen = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert frozen == ["backbone.0.weight", "backbone.0.bias", "backbone_more.1.weight"]


def test_frozen_norms_stay_so_when_the_network_was_evaluated(network):
    freeze(network, ["backbone"])
    modes = [module.training for module in network.modules()]
    with evaluating(network) as same:
        assert same is network and not any(module.training for module in network.modules())
    assert [module.training for module in network.modules()] == modes
    with pytest.raises(RuntimeError), evaluating(network):
        raise RuntimeError
    assert [module.training for module in network.modules()] == modes
    freeze_norm(network)
    assert not network["backbone_more"][1].training and network["backbone_more"][0].training


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["bone"], "freeze names 'bone', which this network has not; its parts are backbone, backbone_more"),
        (["backbone", "backbone_more"], "freeze names backbone, backbone_more, so that nothing is left that learns"),
    ],
)
def test_names_that_make_no_sense_are_told(network, parts, message):
    with pytest.raises(InputError, match=message):
        freeze(network, parts)
