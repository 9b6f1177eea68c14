"""One training from several sets: annotated ones and folders of photographs, each with its own soft labels or none."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from distill.commands import cache, train
from distill.data.normalise import normalise
from distill.system.errors import InputError
from distill.training.config import LearningSource, TrainConfig
from distill.training.objective import LossConfig
from distill.training.trainer import Trainer


@pytest.fixture(scope="module")
def folder(tiny_synthetic, tmp_path_factory) -> Path:
    """Photographs that nobody annotated."""
    root = tmp_path_factory.mktemp("bare")
    for path in sorted((tiny_synthetic / "train2017").iterdir())[:5]:
        (root / path.name).symlink_to(path.resolve())
    return root


@pytest.fixture(scope="module")
def bare_labels(tiny_synthetic, folder, tmp_path_factory) -> str:
    """Soft labels of the bare folder, by the demo's teacher."""
    out = str(tmp_path_factory.mktemp("labels") / "bare.zarr")
    assert cache.main(["build", "--data.images", str(folder), "--map_size", "32", "--out", out]) == 0
    return out


@pytest.fixture
def config(quiet, folder, bare_labels) -> TrainConfig:
    """One sample in four of annotated scenes without a teacher, three of photographs with one."""
    more = [LearningSource(images=folder, soft_labels=bare_labels, share=3)]
    data = dataclasses.replace(quiet.data, more=more, workers=0)
    return dataclasses.replace(quiet, data=data, loss=LossConfig(alpha=0.5), batch_size=8, steps=3)


def test_each_batch_holds_each_share(config):
    trainer = Trainer(config)
    batch = next(trainer._batches(trainer.data))
    annotated = batch.annotated.any(dim=1)
    assert annotated.sum() == 2
    assert (batch.masks[annotated, 3] == 0).all(), "a teacher who was never asked says something"
    assert (batch.masks[~annotated, 3] > 0).flatten(1).any(dim=1).all()
    assert (batch.masks[~annotated, 2] == 255).all()


def test_soft_losses_leave_a_set_without_a_teacher_alone(config):
    trainer = Trainer(config)
    batch = next(trainer._batches(trainer.data))
    outputs = trainer.network.train()(normalise(batch.images))
    heatmaps = next(maps for key, maps in outputs.items() if key.startswith("heatmaps"))
    losses = trainer.learner.objective.losses(
        outputs, batch, {name: count.clamp(min=1) for name, count in trainer.learner.objective.counts([batch]).items()}
    )
    annotated = batch.annotated.any(dim=1)
    for kind, silent in (("soft", annotated), ("hard", ~annotated)):
        loss = next(loss.value for name, loss in losses.items() if name.startswith(f"heatmap_{kind}"))
        (gradient,) = torch.autograd.grad(loss, heatmaps, retain_graph=True)
        assert not gradient[silent].any() and gradient[~silent].flatten(1).any(dim=1).all(), kind


def test_it_trains_goes_on_and_is_the_same_with_labels_held(config, losses_of):
    Trainer(config).run()
    held = dataclasses.replace(config, data=dataclasses.replace(config.data, preload_labels=True))
    calls = []
    Trainer(dataclasses.replace(held, out=config.out.parent / "held")).run(on_label=lambda *call: calls.append(call))
    assert calls[-1] == (10, 10)
    for name in ("heatmap_soft_s4", "heatmap_hard_s4"):
        assert losses_of(config.out, name) == losses_of(config.out.parent / "held", name)
    onward = dataclasses.replace(config, steps=4, resume="auto")
    assert Trainer(onward).state.step == 3
    other = dataclasses.replace(config.data.more[0], share=2)
    with pytest.raises(InputError, match=r"its data.more.1.share is 3, this run's is 2"):
        Trainer(dataclasses.replace(onward, data=dataclasses.replace(onward.data, more=[other])))


def test_the_minival_says_when_any_set_holds_its_photographs(config, tiny_synthetic):
    more = [LearningSource(root=tiny_synthetic, split="val2017")]
    alone = dataclasses.replace(config, data=dataclasses.replace(config.data, more=more), loss=LossConfig(alpha=0.0))
    assert "those that are learnt from" in Trainer(alone).minival.note


@pytest.mark.parametrize("in_a_file", [False, True])
def test_by_the_command(config, tiny_synthetic, folder, bare_labels, tmp_path, capsys, in_a_file):
    more = {"images": str(folder), "soft_labels": bare_labels, "share": 3}
    words = ["--data.root", str(tiny_synthetic), "--steps", "1", "--batch_size", "4", "--input_size", "64"]
    if in_a_file:
        (tmp_path / "recipe.yaml").write_text(json.dumps({"data": {"more": [more]}}))
        words += ["--config", str(tmp_path / "recipe.yaml")]
    else:
        words += ["--data.more", json.dumps(more)]
    assert train.main([*words, "--log.minival_images", "2", "--out", str(tmp_path / "run")]) == 0
    assert "1 steps done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"images": "nowhere"}, "nowhere is not a folder"),
        ({"share": 0, "root": "."}, "share of . must be at least 1, not 0"),
        ({"share": 2}, "no data are named"),
        ({"imagse": "."}, "list of mappings of root, split, format"),
    ],
)
def test_a_wrong_set_is_one_line(tiny_synthetic, tmp_path, capsys, more, message):
    words = ["--data.root", str(tiny_synthetic), "--loss.alpha", "0", "--out", str(tmp_path / "run")]
    assert train.main([*words, "--data.more", json.dumps(more)]) != 0
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said and said.count("\n") <= 2, said


def test_a_folder_without_a_teacher_teaches_nothing(config, folder):
    data = dataclasses.replace(config.data, more=[LearningSource(images=folder)])
    with pytest.raises(InputError, match="no photograph with a labelled person to learn from"):
        Trainer(dataclasses.replace(config, data=data, loss=LossConfig(alpha=0.0)))
