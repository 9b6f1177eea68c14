"""Networks that start from the weights of another: another skeleton, other outputs, other options."""

import pytest
import torch

from distill.networks.checkpoint import read_checkpoint, save_checkpoint
from distill.networks.registry import heads_of
from distill.pose.skeleton import AI_CHALLENGER_14, COCO_17, COCO_FOOT_23, Skeleton, shared_joints
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.start import start_network

HEAD = Skeleton.from_plain(
    COCO_17.plain()
    | {"name": "head", "joints": ["nose", "left_eye", "right_eye"], "sigmas": [0.026, 0.025, 0.025], "limbs": []}
    | {"flip_pairs": [["left_eye", "right_eye"]], "grouping_order": ["nose", "left_eye", "right_eye"]}
)


@pytest.fixture
def weights(new_network, new_info, tmp_path):
    """Function that writes a checkpoint of a network whose every number is another one."""

    def write(choice, skeleton=COCO_17, outputs=None):
        torch.manual_seed(5)
        state = {
            key: torch.randn_like(value) if value.is_floating_point() and value.ndim else value
            for key, value in new_network(choice, skeleton, outputs).state_dict().items()
        }
        path = tmp_path / "weights.safetensors"
        save_checkpoint(path, new_info(choice, skeleton, outputs), state)
        return path

    return write


def started(path, choice, skeleton, outputs=None):
    choice = Choice.of(choice)
    torch.manual_seed(0)
    network, told = start_network(choice, heads_of(choice, outputs or {}), skeleton, path)
    return network.state_dict(), told, read_checkpoint(path)[1] if path else {}


def test_the_same_network_takes_all_and_says_nothing(weights):
    state, told, source = started(weights("attention_xs"), "attention_xs", COCO_17)
    assert told == ""
    assert all(torch.equal(state[key], source[key]) for key in source)


def test_weights_stand_in_the_place_of_published_ones(weights, monkeypatch):
    path = weights({"name": "attention", "size": "lite0"})
    for name in ("packaged_weights", "_ask_for_weights"):
        monkeypatch.setattr(f"students.pretrained.{name}", lambda *_: pytest.fail("somebody is asked"))
    state, told, source = started(path, {"name": "attention", "size": "lite0", "pretrained": True}, COCO_17)
    assert told == "" and all(torch.equal(state[key], source[key]) for key in source)


def test_from_scratch(new_network):
    torch.manual_seed(0)
    fresh = new_network("attention_xs").state_dict()
    state, told, _ = started(None, "attention_xs", COCO_17)
    assert told == "" and all(torch.equal(state[key], fresh[key]) for key in fresh)


@pytest.mark.parametrize("skeleton", [COCO_FOOT_23, AI_CHALLENGER_14, HEAD], ids=lambda s: s.name)
def test_shared_joints_come_from_the_weights(weights, new_network, skeleton):
    state, told, source = started(weights("attention_xs"), "attention_xs", skeleton)
    torch.manual_seed(0)
    fresh = new_network("attention_xs", skeleton).state_dict()
    shared = shared_joints(skeleton, COCO_17)
    new = [k for k, joint in enumerate(skeleton.joints) if joint not in COCO_17.joints]
    for key in ("heatmaps.weight", "heatmaps.bias", "tags.weight", "tags.bias"):
        for own, other, _ in shared:
            assert torch.equal(state[key][own], source[key][other])
        assert torch.equal(state[key][new], fresh[key][new])
    others = [key for key in source if not key.startswith(("heatmaps", "tags", "gate"))]
    assert all(torch.equal(state[key], source[key]) for key in others)
    assert f"{len(shared)} of {len(skeleton)} joints (" in told
    assert all(name in told for _, _, name in shared)
    assert ("from scratch: " in told) == bool(new)
    assert "\n" not in told


@pytest.mark.parametrize("skeleton", [COCO_FOOT_23, HEAD], ids=lambda s: s.name)
def test_tensors_that_hold_joints_in_several_blocks(weights, skeleton):
    state, _, source = started(weights("higher_hrnet_demo"), "higher_hrnet_demo", skeleton)
    width, own_joints, joints = 32, len(skeleton), 17
    coarse, up = "final_layers.0.weight", "deconv_layers.0.0.0.weight"
    assert state[coarse].shape[0] == 2 * own_joints and state[up].shape[0] == width + 2 * own_joints
    assert torch.equal(state[up][:width], source[up][:width])
    for own, other, _ in shared_joints(skeleton, COCO_17):
        for block in (0, 1):
            mine, theirs = block * own_joints + own, block * joints + other
            assert torch.equal(state[coarse][mine], source[coarse][theirs])
            assert torch.equal(state[up][width + mine], source[up][width + theirs])
        assert torch.equal(state["final_layers.1.weight"][own], source["final_layers.1.weight"][other])


@pytest.mark.parametrize("skeleton", [COCO_17, HEAD, COCO_FOOT_23], ids=lambda s: s.name)
@pytest.mark.parametrize("has_tags", [False, True])
def test_blocks_that_only_one_has(weights, skeleton, has_tags):
    """Heatmaps come from heatmaps, whether the weights or the network have tags behind them."""
    outputs = [None, {"tags": False}] if has_tags else [{"tags": False}, None]
    path = weights("higher_hrnet_demo", COCO_17, outputs[0])
    state, _, source = started(path, "higher_hrnet_demo", skeleton, outputs[1])
    for own, other, _ in shared_joints(skeleton, COCO_17):
        assert torch.equal(state["final_layers.0.weight"][own], source["final_layers.0.weight"][other])
        up = "deconv_layers.0.0.0.weight"
        assert torch.equal(state[up][32 + own], source[up][32 + other])
        if not has_tags:
            assert state["final_layers.0.weight"][len(skeleton) + own].abs().max() < 0.01


def test_shipped_weights_start_a_skeleton_with_feet(repository):
    path = repository / "students/weights/attention_xs.safetensors"
    state, told, source = started(path, "attention_xs", COCO_FOOT_23)
    assert torch.equal(state["heatmaps.weight"][:17], source["heatmaps.weight"].float())
    assert told.startswith(f"taken from {path}: 17 of 23 joints (nose, ")
    assert "from scratch: " in told and "heel" in told


def test_other_outputs_are_said(weights):
    _, told, _ = started(weights("attention_xs", outputs={"tags": False}), "attention_xs", COCO_17)
    assert told.endswith("not in the file: tags")
    _, told, _ = started(weights("attention_xs"), "attention_xs", COCO_17, {"tags": False})
    assert told.endswith("left out: tags")


def test_the_gate_is_that_of_the_options(weights):
    path = weights(Choice("attention_xs", {"gate": "sigmoid"}))
    state, _, source = started(path, "attention_xs", COCO_17)
    assert (source["gate_offset"], state["gate_offset"]) == (0, 1)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("higher_hrnet_demo", "are of attention_xs, not of model higher_hrnet"),
        (Choice("attention_xs", {"neck": 48}), "are of another architecture: .* in the file and .* in the network"),
        ("attention_s", "are of another architecture"),
    ],
)
def test_weights_of_another_network_are_refused(weights, choice, message):
    with pytest.raises(InputError, match=message):
        started(weights("attention_xs"), choice, COCO_17)
