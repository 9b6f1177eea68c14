"""Checkpoints: what goes in comes out, and nothing else is believed."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from distill.networks import registry as networks
from distill.networks.checkpoint import (
    CheckpointInfo,
    load_network,
    load_state,
    read_checkpoint,
    save_checkpoint,
    save_for_shipping,
)
from distill.system.errors import InputError

INFO = CheckpointInfo("attention_xs", "coco_17", 128, 7, {"seed": 3}, {"ap": 0.5})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return networks.create("attention_xs", 17).eval()


@pytest.fixture
def checkpoint(network, tmp_path):
    path = tmp_path / "run" / "best.safetensors"
    save_checkpoint(path, INFO, network.state_dict(), {"optimizer.0.momentum": torch.arange(3.0)})
    return path


def test_round_trip(checkpoint, network):
    loaded, info = load_network(checkpoint)
    assert info == INFO
    assert not loaded.training
    image = torch.randn(1, 3, 64, 64)
    for key, maps in network(image).items():
        assert torch.equal(maps, loaded(image)[key])
    _, _, training = read_checkpoint(checkpoint)
    assert torch.equal(training["optimizer.0.momentum"], torch.arange(3.0))


def test_half_precision_weights_are_read_as_float32(network, tmp_path):
    half = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_checkpoint(tmp_path / "half.safetensors", INFO, half)
    loaded, _ = load_network(tmp_path / "half.safetensors")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_shipped_weights_are_half_as_large_and_name_no_folders(checkpoint, network, tmp_path):
    info, state, _ = read_checkpoint(checkpoint)
    save_checkpoint(checkpoint, replace(info, config={"seed": 3, "out": "/home/me", "data": {"root": "x"}}), state)
    size = save_for_shipping(checkpoint, tmp_path / "shipped.safetensors")
    assert size < 0.6 * checkpoint.stat().st_size
    loaded, info = load_network(tmp_path / "shipped.safetensors")
    assert info.config == {"seed": 3}
    for key, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], value, rtol=1e-3, atol=1e-3)


def test_what_half_precision_cannot_hold_is_shipped_as_it_is(network, tmp_path):
    key = "neck.smooth.1.running_var"
    variance = torch.linspace(1e4, 1e6, len(network.state_dict()[key]))
    save_checkpoint(tmp_path / "wide.safetensors", INFO, network.state_dict() | {key: variance})
    save_for_shipping(tmp_path / "wide.safetensors", tmp_path / "shipped.safetensors")
    loaded, _ = load_network(tmp_path / "shipped.safetensors")
    assert torch.equal(loaded.state_dict()[key], variance)


def test_nothing_is_left_beside_a_checkpoint(checkpoint):
    assert [path.name for path in checkpoint.parent.iterdir()] == ["best.safetensors"]


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"nothing.safetensors does not exist"):
        load_network(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 1000])
def test_truncated_file(checkpoint, keep):
    checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
    with pytest.raises(InputError, match="truncated"):
        load_network(checkpoint)


def test_safetensors_of_somebody_else(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="no checkpoint of distill-train"):
        load_network(tmp_path / "x.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "y.safetensors", {"distill": json.dumps({"format_version": 99})})
    with pytest.raises(InputError, match="no checkpoint of distill-train"):
        load_network(tmp_path / "y.safetensors")


def test_another_architecture_is_named(checkpoint, network):
    _, state, _ = read_checkpoint(checkpoint)
    with pytest.raises(InputError, match="another architecture"):
        load_state(networks.create("higher_hrnet_demo", 17), state, checkpoint)
    with pytest.raises(InputError, match=r"heatmaps.* is \(17.* in the file and \(14"):
        load_state(networks.create("attention_xs", 14), state, checkpoint)
