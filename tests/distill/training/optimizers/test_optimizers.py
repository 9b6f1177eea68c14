"""Optimisers: who decays, what muon does to a convolution, and their options."""

import copy

import pytest
import torch
from timm.optim import Muon, param_groups_weight_decay
from torch import nn

from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.optimizers.registry import OPTIMIZERS

NAMES = ["sgd", "adamw", "muon"]


def step(network: nn.Module, optimizer: torch.optim.Optimizer, seed: int, rate: float = 0.1):
    for group in optimizer.param_groups:
        group["lr"] = rate
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    network(images).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def make(name: str, **settings):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 2, 1))
    return network, OPTIMIZERS.build(Choice(name, settings), network)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_moves_before_a_schedule_speaks(name):
    network, optimizer = make(name)
    before = [p.clone() for p in network.parameters()]
    step(network, optimizer, 0, rate=0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_only_convolution_weights_decay(name):
    network, optimizer = make(name, weight_decay=0.5)
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for parameter in network.parameters():
        assert decay[id(parameter)] == (0.5 if parameter.ndim == 4 else 0.0)


def test_muon_steps_a_convolution_in_all_directions_alike():
    network, optimizer = make("muon", weight_decay=0.0)
    before = network[0].weight.detach().clone()
    step(network, optimizer, 0)
    singular = torch.linalg.svdvals((network[0].weight.detach() - before).flatten(1))
    assert singular.min() > 0.4 * singular.max()


def test_muon_steps_as_timm_does_it_one_tensor_after_the_other(new_network, monkeypatch):
    """On convolutions of all kinds, biases and norms; theirs is in bfloat16."""
    monkeypatch.setattr("distill.training.optimizers.muon.choose_precision", lambda name: "bfloat16")
    monkeypatch.setattr("distill.training.optimizers.muon.WIDE", 1)
    torch.manual_seed(0)
    network = new_network({"name": "attention", "backbone": "mobilenetv4_conv_small"})
    network = network.to(memory_format=torch.channels_last)
    other = copy.deepcopy(network)
    options = {"momentum": 0.95, "weight_decay": 0.01}
    ours = OPTIMIZERS.build(Choice("muon", options), network)
    groups = param_groups_weight_decay(other, options["weight_decay"])
    theirs = Muon(groups, momentum=0.95, nesterov=True, ns_steps=3, ns_coefficients="original")
    for rate in (0.02, 0.01, 0.03):
        for group in (*ours.param_groups, *theirs.param_groups):
            group["lr"] = rate
        for a, b in zip(network.parameters(), other.parameters(), strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        ours.step()
        theirs.step()
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [{"momentum": 1.0}, {"momentum": -0.1}, {"weight_decay": -1e-4}])
def test_wrong_values_are_refused(name, wrong):
    with pytest.raises(InputError, match=r"optimizer.momentum must be .* weight_decay must not be negative"):
        make(name, **wrong)


def test_options_are_those_of_the_optimizer():
    _, optimizer = make("adamw", momentum=0.8, beta2=0.99)
    assert optimizer.defaults["betas"] == (0.8, 0.99)
    with pytest.raises(InputError, match="optimizer sgd has no option 'beta2'; its options are momentum, weight_decay"):
        make("sgd", beta2=0.99)
    with pytest.raises(InputError, match="optimizer 'lion' is unknown; choose from adamw, muon, sgd"):
        make("lion")
