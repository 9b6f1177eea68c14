"""Optimisers: who decays, what muon does to a convolution, and their memory."""

import pytest
import torch
from torch import nn

from distill.training.config import OptimizerConfig
from distill.training.optimizer import make_optimizer, restore_state, state_tensors

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
    return network, make_optimizer(network, OptimizerConfig(name=name, **settings))


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


@pytest.mark.parametrize("name", NAMES)
def test_restored_memory_goes_on_as_before(name):
    network, optimizer = make(name)
    step(network, optimizer, 0)
    other, fresh = make(name)
    other.load_state_dict(network.state_dict())
    restore_state(fresh, {k: v.clone() for k, v in state_tensors(optimizer).items()})
    for seed in (1, 2):
        step(network, optimizer, seed)
        step(other, fresh, seed)
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_muon_steps_a_convolution_in_all_directions_alike():
    network, optimizer = make("muon", weight_decay=0.0)
    before = network[0].weight.detach().clone()
    step(network, optimizer, 0)
    singular = torch.linalg.svdvals((network[0].weight.detach() - before).flatten(1))
    assert singular.min() > 0.4 * singular.max()
