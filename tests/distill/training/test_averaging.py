"""An average is the mean of weights, with statistics that fit it."""

from dataclasses import replace

import pytest
import torch

from distill.commands import average as command
from distill.networks.checkpoint import load_network, read_checkpoint
from distill.system.errors import InputError
from distill.training.averaging import average, refresh_statistics
from distill.training.trainer import Trainer


@pytest.fixture
def cycles(quiet):
    """Checkpoints at the ends of the cycles of one training."""
    schedule = replace(quiet, schedule=type(quiet.schedule)("sgdr", {"period": 3, "period_growth": 1, "warmup": 0}))
    Trainer(schedule).run()
    found = sorted(quiet.out.glob("restart_*.safetensors"))
    assert len(found) == 3
    return found


def test_weights_are_the_mean(cycles):
    network, info = average(cycles)
    states = [read_checkpoint(path)[1] for path in cycles]
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, torch.stack([state[key] for state in states]).mean(0))
    assert info.step == 9 and info.config == {} and info.metrics == {}


def test_statistics_are_those_of_the_batches(cycles, batch):
    network, _ = average(cycles)
    batch.images = torch.randint(0, 256, batch.images.shape, dtype=torch.uint8)
    norm = network.backbone.stem[1]
    before = norm.running_mean.clone()
    refresh_statistics(network, iter([batch, batch]))
    seen = []
    norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    from distill.data.normalise import normalise

    network(normalise(batch.images))
    torch.testing.assert_close(norm.running_mean, seen[0].mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
    assert not torch.equal(norm.running_mean, before) and not network.training


def test_the_command_writes_a_checkpoint_like_any(cycles, quiet, tmp_path, capsys):
    out = tmp_path / "average.safetensors"
    words = [*map(str, cycles), "--out", str(out), "--data.root", str(quiet.data.root), "--data.workers", "0"]
    assert command.main([*words, "--batches", "2", "--batch_size", "4"]) == 0
    assert f"{out}: average of 3 checkpoints of attention_xs" in capsys.readouterr().out
    network, info = load_network(out)
    assert info.config == {"average_of": [str(path) for path in cycles]} and info.input_size == (64, 64)
    assert not network.training
    assert command.main([*words[:1], "--out", str(out)]) == 1
    assert command.main([*words, "--out", words[0]]) == 1


def test_checkpoints_that_do_not_belong_together(cycles, new_network, new_info, tmp_path):
    from distill.networks.checkpoint import save_checkpoint

    with pytest.raises(InputError, match="two checkpoints or more, not 1"):
        average(cycles[:1])
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, new_info("unet"), new_network("unet").state_dict())
    with pytest.raises(InputError, match="is of another model than"):
        average([cycles[0], other])
