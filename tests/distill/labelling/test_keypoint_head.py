"""The head of a Keypoint R-CNN learns, the rest stays as it was, and a training that was stopped goes on."""

import pytest
import torch
from safetensors import safe_open

from distill.commands import cache, widen_head
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.labelling.keypoint_head import HeadTraining
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError
from teachers.keypoint_rcnn import make_network


@pytest.fixture
def training(tiny_synthetic):
    """Function that gives the training of a random network's head on a few scenes."""

    def make(**changes):
        torch.manual_seed(1)
        data = KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)
        data.image_ids = data.image_ids[:2]
        settings = {"batch_size": 1, "rate": 1e-4, "seed": 0, "whole_head": False} | changes
        return HeadTraining(make_network(17, 64), data, **settings)

    return make


@pytest.mark.slow
def test_the_head_learns_and_nothing_else(training, tmp_path):
    made, losses = training(), []
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    made.run(24, lambda _, loss: losses.append(loss), tmp_path / "part")
    changed = {name for name, value in made.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == set(made.learnt) and len(changed) == 2
    assert sum(losses[-6:]) < 0.8 * sum(losses[:6])


@pytest.mark.slow
def test_a_stopped_training_goes_on_as_if_it_had_not_been(training, tmp_path):
    def stop_at(step):
        def on_step(done, _):
            if done == step:
                raise KeyboardInterrupt

        return on_step

    whole, stopped, onward = training(), training(), training()
    whole.run(6, lambda *_: None, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        stopped.run(6, stop_at(5), tmp_path / "part", every=2)
    onward.run(6, lambda *_: None, tmp_path / "part", every=2)
    for name, value in whole.learnt.items():
        torch.testing.assert_close(onward.learnt[name], value)
    with pytest.raises(InputError, match="was left by another training"):
        training(rate=1e-5).run(6, lambda *_: None, tmp_path / "part")


@pytest.mark.slow
def test_by_the_command_up_to_labels(tiny_synthetic, tmp_path, capsys):
    weights, out = tmp_path / "published.pth", tmp_path / "ours.safetensors"
    torch.save(make_network(17, 64).state_dict(), weights)
    words = ["--data.root", str(tiny_synthetic), "--skeleton", "coco_17", "--short_side", "64", "--rate", "1e-4"]
    assert widen_head.main([str(weights), *words, "--steps", "2", "--batch_size", "1", "--out", str(out)]) == 0
    assert "17 joints, 17 of them kept, 2 steps" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"published.pth", "ours.safetensors"}
    with safe_open(out, "pt") as file:
        assert file.metadata()["joints"].split() == list(COCO_17.joints)
    build = ["build", "--data.root", str(tiny_synthetic), "--limit", "2", "--teacher.name", "keypoint_rcnn"]
    build += ["--teacher.weights", str(out), "--teacher.short_side", "64", "--map_size", "32"]
    assert cache.main([*build, "--out", str(tmp_path / "labels.zarr")]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.pth"], "none.pth does not exist"),
        (["none.pth", "--steps", "0"], "steps must be at least 1"),
        (["none.pth", "--out", "x.pth"], "must end in .safetensors"),
    ],
)
def test_what_is_wrong_is_one_line(tiny_synthetic, capsys, words, message):
    root = ["--data.root", str(tiny_synthetic), "--skeleton", "coco_17"]
    assert widen_head.main([*words, *root]) != 0
    error = capsys.readouterr().err.strip()
    assert message in error and "\n" not in error
