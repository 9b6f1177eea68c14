"""A compiled network learns the same, is measured without a trace, and says what it gains."""

import dataclasses

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from distill.system.errors import InputError
from distill.training.compiling import compiled
from distill.training.trainer import Trainer

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def forgotten():
    """Nothing is taken from a test before."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


class Small(nn.Module):
    """A convolution with normalisation."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.1))

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"heatmaps_s1": self.layers(images)}


def test_measuring_leaves_the_network_as_it_was():
    network = Small().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn = torch.random.get_rng_state()
    result = compiled(network, (2, 3, 64, 64), torch.device("cpu"))
    assert result.seconds > 0 and result.ratio > 0
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    network.eval()
    images = torch.randn(2, 3, 64, 64)
    for name, maps in network(images).items():
        torch.testing.assert_close(result.network(images)[name], maps, atol=1e-3, rtol=1e-3)


def test_a_compiled_training_learns_the_same_and_says_what_it_gains(quiet, losses_of, capsys):
    runs = {}
    for compile_ in (False, True):
        config = dataclasses.replace(quiet, compile=compile_, steps=3, out=quiet.out / str(compile_))
        Trainer(config).run()
        runs[compile_] = losses_of(config.out)
    assert runs[True] == pytest.approx(runs[False], rel=1e-3)
    assert runs[True][3] != runs[True][1]
    assert "times as fast" in capsys.readouterr().out
    log = EventAccumulator(str(quiet.out / "True" / "log"))
    log.Reload()
    assert log.Scalars("compiled/ratio")[0].value > 0


def test_without_a_compiler_one_line_says_so(monkeypatch):
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("/nowhere/to/be/found",))
    monkeypatch.setattr(torch._inductor.config, "fx_graph_cache", False)
    with pytest.raises(InputError, match="compile: this network cannot be compiled here"):
        compiled(Small().train(), (2, 3, 32, 32), torch.device("cpu"))
