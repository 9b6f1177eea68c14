"""Checkpoints: what goes in comes out, and nothing else is believed."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from distill.heads.heatmaps import Heatmaps
from distill.networks.checkpoint import (
    load_network,
    load_state,
    read_checkpoint,
    save_checkpoint,
    save_for_shipping,
)
from distill.pose.skeleton import AI_CHALLENGER_14, COCO_17, COCO_FOOT_23
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.json_values import to_json_values


@pytest.fixture
def of_seven(new_info):
    """What a checkpoint says that was written after seven steps."""
    return new_info("attention_xs", input_size=(128, 96), step=7, config={"seed": 3}, metrics={"ap": 0.5})


@pytest.fixture
def network(new_network):
    torch.manual_seed(0)
    return new_network("attention_xs").eval()


@pytest.fixture
def checkpoint(network, of_seven, tmp_path):
    path = tmp_path / "run" / "best.safetensors"
    save_checkpoint(path, of_seven, network.state_dict(), {"optimizer.0.momentum": torch.arange(3.0)})
    return path


def test_round_trip(checkpoint, network, of_seven):
    loaded, info = load_network(checkpoint)
    assert info == of_seven
    assert not loaded.training
    image = torch.randn(1, 3, 64, 64)
    for key, maps in network(image).items():
        assert torch.equal(maps, loaded(image)[key])
    _, _, training = read_checkpoint(checkpoint)
    assert torch.equal(training["optimizer.0.momentum"], torch.arange(3.0))


def test_a_checkpoint_brings_its_own_weights(new_network, new_info, tmp_path, monkeypatch):
    """Nobody is asked for those that its network once started from."""
    choice = {"name": "attention", "size": "lite0", "pretrained": True}
    path = tmp_path / "last.safetensors"
    state = new_network(choice | {"pretrained": False}).state_dict()
    save_checkpoint(path, new_info(choice), state)
    for name in ("packaged_weights", "_ask_for_weights"):
        monkeypatch.setattr(f"students.pretrained.{name}", lambda *_: pytest.fail("somebody is asked"))
    network, info = load_network(path)
    assert info.model["pretrained"] is True
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_half_precision_weights_are_read_as_float32(network, of_seven, tmp_path):
    half = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_checkpoint(tmp_path / "half.safetensors", of_seven, half)
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


def test_what_half_precision_cannot_hold_is_shipped_as_it_is(network, of_seven, tmp_path):
    key = "neck.smooth.1.running_var"
    variance = torch.linspace(1e4, 1e6, len(network.state_dict()[key]))
    save_checkpoint(tmp_path / "wide.safetensors", of_seven, network.state_dict() | {key: variance})
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


def test_another_architecture_is_named(checkpoint, new_network):
    _, state, _ = read_checkpoint(checkpoint)
    with pytest.raises(InputError, match="another architecture"):
        load_state(new_network("higher_hrnet_demo"), state, checkpoint)
    with pytest.raises(InputError, match=r"heatmaps.* is \(17.* in the file and \(14"):
        load_state(new_network("attention_xs", AI_CHALLENGER_14), state, checkpoint)


def test_options_outputs_and_skeleton_build_the_network_again(new_network, new_info, tmp_path):
    choice = Choice("attention", {"size": "xs", "width": 0.5, "gate": "sigmoid", "input_channels": 1})
    given = choice, COCO_FOOT_23, {"tags": False, "heatmaps": {"sigma": 1.5}, "attention": {"weight": 0.3}}
    network, path = new_network(*given).eval(), tmp_path / "own.safetensors"
    save_checkpoint(path, new_info(*given), network.state_dict())
    loaded, info = load_network(path)
    assert info.model == choice.plain() and info.name == "attention"
    assert info.outputs == {
        "heatmaps": to_json_values(Heatmaps(sigma=1.5)),
        "attention": {"weight": 0.3},
    }
    assert info.skeleton == COCO_FOOT_23
    assert set(info.heads) == {"heatmaps", "attention"}
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        assert all(torch.equal(maps, loaded(image)[key]) for key, maps in network(image).items())


OLD = {
    "attention_xs": {"name": "attention", "size": "xs"},
    "attention_s": {"name": "attention", "size": "s"},
    "attention_m": {"name": "attention", "size": "m"},
    "higher_hrnet_w32": {"name": "higher_hrnet", "width": 32},
    "higher_hrnet_w48": {"name": "higher_hrnet", "width": 48},
    "higher_hrnet_demo": {"name": "higher_hrnet", "width": 32, "bottlenecks": 2, "bottleneck_width": 32}
    | {"modules": [1, 1, 1], "blocks": 1},
}
"The names that format 1 knew."


@pytest.mark.parametrize("name", OLD)
def test_the_first_format_is_read(name, tmp_path):
    path = tmp_path / "old.safetensors"
    header = {"name": name, "skeleton": "coco_17", "input_size": 192, "step": 5, "config": {"seed": 1}}
    header |= {"metrics": {"ap": 0.25}, "format_version": 1}
    save_file({"network.x": torch.zeros(1)}, path, {"distill": json.dumps(header)})
    info, network, training = read_checkpoint(path)
    assert info.model == OLD[name] and info.name == name
    assert (info.skeleton, info.input_size, info.step, info.metrics) == (COCO_17, (192, 192), 5, {"ap": 0.25})
    outputs = {"heatmaps", "tags", "attention"} if name.startswith("attention") else {"heatmaps", "tags"}
    assert set(info.outputs) == outputs
    assert list(network) == ["x"] and training == {}


@pytest.mark.parametrize(
    ("place", "name", "keys"),
    [
        ("students", "attention_xs", {"heatmaps_s4", "tags_s4", "attention"}),
        ("teachers", "higher_hrnet_demo", {"heatmaps_s4", "tags_s4", "heatmaps_s2"}),
    ],
)
def test_shipped_weights_are_read(repository, place, name, keys):
    network, info = load_network(repository / place / "weights" / f"{name}.safetensors")
    assert info.name == name and info.skeleton == COCO_17
    with torch.no_grad():
        assert set(network(torch.zeros(1, 3, 64, 96))) == keys


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "damaged.safetensors is damaged: its model has no name"),
        ({"skeleton": {"name": "x"}}, "damaged.safetensors: skeleton: joints is missing"),
        ({"colour": 1}, "is damaged: its header lacks or holds too much of .*colour"),
        ({"model": {"name": "attention_xl"}}, "attention_xl' is unknown"),
    ],
)
def test_a_damaged_header_is_one_line(network, of_seven, tmp_path, changes, message):
    path = tmp_path / "damaged.safetensors"
    save_checkpoint(path, of_seven, network.state_dict())
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["distill"]) | changes
    save_file(
        {f"network.{key}": value for key, value in network.state_dict().items()}, path, {"distill": json.dumps(header)}
    )
    with pytest.raises(InputError, match=message) as refused:
        load_network(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["network", "training"])
def test_what_is_not_finite_is_not_written(checkpoint, network, of_seven, value, part):
    before = checkpoint.read_bytes()
    bad = {"heatmaps.bias": torch.full((17,), value)}
    state = network.state_dict() | (bad if part == "network" else {})
    with pytest.raises(InputError, match=rf"is not written: {part}.heatmaps.bias is not finite"):
        save_checkpoint(checkpoint, of_seven, state, bad if part == "training" else None)
    assert checkpoint.read_bytes() == before
    assert [path.name for path in checkpoint.parent.iterdir()] == ["best.safetensors"]
