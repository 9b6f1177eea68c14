"""Batch normalisation folded into convolutions: same answers, and nothing done where it cannot be."""

import copy

import pytest
import torch
from torch import nn

from teachers.folding import fold_norms
from teachers.higher_hrnet import HigherHRNet


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def with_statistics(network: nn.Module) -> nn.Module:
    """The same network with random statistics and affine parameters."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                tensor.data.uniform_(0.5, 2, generator=generator)
            for tensor in (module.bias, module.running_mean):
                tensor.data.uniform_(-1, 1, generator=generator)
    return network.eval()


class Shared(nn.Module):
    """One convolution before two norms, and a norm that comes after two convolutions."""

    def __init__(self):
        super().__init__()
        self.conv, self.other = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
        self.one, self.two = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x):
        shared = self.conv(x)
        return self.one(shared) + self.two(self.other(shared)) + self.two(self.other(x))


class Depends(nn.Module):
    """Its way depends on its input."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(self.conv(x)) if x.mean() > 0 else x


@pytest.mark.parametrize(
    ("network", "left"),
    [
        (HigherHRNet(8, 5, bottlenecks=1, bottleneck_width=8, modules=(1, 1, 1), blocks=1), 1),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4)), 1),
        (Shared(), 2),
        (Depends(), 1),
    ],
    ids=["higher_hrnet", "sequence", "shared", "depends"],
)
def test_answers_stay_the_same(network, left):
    network = with_statistics(network)
    folded = copy.deepcopy(network)
    fold_norms(folded)
    assert norms(folded) == left
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(folded(images), network(images), rtol=1e-4, atol=1e-4)
