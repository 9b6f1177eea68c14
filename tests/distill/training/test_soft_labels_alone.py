"""Photographs that nobody annotated are learnt from by what the teacher says, and by nothing else."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import students
from distill.commands import bench, cache, export, train
from distill.data.augment import AugmentConfig
from distill.data.keypoint_set import KeypointSet
from distill.data.loader import collate
from distill.data.source import DataSource
from distill.data.training_samples import TrainingSamples
from distill.heads.contract import split_key
from distill.networks.registry import heads_of, strides_of
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.config import TrainDataConfig
from distill.training.objective import LossConfig
from distill.training.trainer import Trainer


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    """Four real photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    for photograph in sorted((shared / "real" / "photographs").iterdir())[:4]:
        shutil.copy(photograph, folder)
    return folder


@pytest.fixture(scope="module")
def soft_labels(folder, tmp_path_factory):
    """Store of the shipped teacher's labels of them, made by the command."""
    out = str(tmp_path_factory.mktemp("cache") / "labels.zarr")
    assert cache.main(["build", "--data.root", str(folder), "--map_size", "64", "--out", out]) == 0
    return out


def learning_from(config, folder, soft_labels, alpha=0.5):
    data = TrainDataConfig(root=folder, soft_labels=soft_labels, workers=0)
    return dataclasses.replace(config, data=data, loss=LossConfig(alpha=alpha), steps=12)


def test_the_soft_loss_falls_and_the_hard_ones_are_zero(quiet, folder, soft_labels, losses_of, capsys):
    config = learning_from(quiet, folder, soft_labels)
    assert Trainer(config).run() == {}
    for name in ("heatmap_hard_s4", "attention"):
        assert set(losses_of(config.out, name).values()) == {0.0}
    assert max(losses_of(config.out, "tag_pull").values()) > 0
    soft = list(losses_of(config.out, "heatmap_soft_s4").values())
    assert np.mean(soft[-4:]) < np.mean(soft[:4])
    assert {path.name for path in config.out.iterdir()} >= {"last.safetensors", "log"}
    assert not (config.out / "best.safetensors").exists()
    assert f"nobody has a labelled joint in {folder}: there is no minival" in capsys.readouterr().out


def test_a_teacher_who_is_sure_of_nobody_teaches_no_tags(quiet, folder, soft_labels, losses_of):
    config = learning_from(quiet, folder, soft_labels)
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, sure_score=1.0), steps=2)
    Trainer(config).run()
    assert {value for name in ("tag_pull", "tag_push") for value in losses_of(config.out, name).values()} == {0.0}


@pytest.mark.slow
def test_persons_must_be_in_the_store_where_nobody_annotated(quiet, folder, tmp_path):
    out = str(tmp_path / "labels.zarr")
    arguments = ["build", "--data.root", str(folder), "--map_size", "64", "--persons", "false", "--out", out]
    assert cache.main(arguments) == 0
    with pytest.raises(InputError, match="was made with persons false, but nobody annotated some photographs"):
        Trainer(learning_from(quiet, folder, out))


def test_persons_must_be_in_the_store_where_they_stand_in_for_outlines(quiet, tiny_synthetic, tmp_path):
    out = str(tmp_path / "labels.zarr")
    where = ["--data.root", str(tiny_synthetic), "--data.split", "train2017", "--map_size", "32", "--out", out]
    assert cache.main(["build", "--teacher", "oracle", "--persons", "false", *where]) == 0
    data = dataclasses.replace(quiet.data, soft_labels=out, teacher_outlines=True)
    config = dataclasses.replace(quiet, data=data, loss=LossConfig(alpha=0.5))
    with pytest.raises(InputError, match=r"persons false, but data\.teacher_outlines asks for them; build it with"):
        Trainer(config)


def test_everything_else_takes_photographs_alone(folder, soft_labels, tmp_path, capsys):
    """Trained, exported with a sheet in int8, and timed, by the commands."""
    run, model, where = tmp_path / "run", tmp_path / "s.tflite", ["--data.root", str(folder)]
    words = ["--loss.alpha", "1", "--steps", "2", "--batch_size", "2", "--input_size", "64", "--out", str(run)]
    # Of a network that knows nothing the persons of int8 are not those of float32.
    words += ["--weights", str(Path(students.__file__).parent / "weights" / "attention_xs.safetensors")]
    words += ["--schedule.peak", "0.0001", "--schedule.floor", "0"]
    assert train.main([*where, "--data.soft_labels", soft_labels, *words]) == 0
    assert "2 steps done; no minival" in capsys.readouterr().out
    words = ["--out", str(model), "--photographs", "2", "--precision", "float32", "int8", "--calibration", "4"]
    words += ["--runs", "1", "--sheet", str(tmp_path / "sheet.png")]
    assert export.main([str(run / "last.safetensors"), *where, *words]) == 0
    assert (tmp_path / "sheet.png").exists() and (tmp_path / "s_int8.tflite").exists()
    assert bench.main(["host", str(tmp_path / "s_float32.tflite"), *where, "--runs", "1", "--turns", "1"]) == 0
    assert "the AP of the model is not measured there" in capsys.readouterr().err


def test_without_soft_labels_there_is_nothing_to_learn(quiet, folder):
    with pytest.raises(InputError, match="no photograph with a labelled person to learn from; label the photographs"):
        Trainer(learning_from(quiet, folder, None, alpha=0.0))


@pytest.mark.parametrize("model", ["attention_xs", "higher_hrnet_demo"])
def test_no_gradient_comes_from_the_hard_labels(folder, new_network, model):
    data = KeypointSet(DataSource(folder), COCO_17)
    samples = TrainingSamples(data, (64, 64), AugmentConfig(), seed=0)
    batch = collate([samples[0, image_id] for image_id in data.image_ids.tolist()])
    choice = Choice(model)
    network, heads = new_network(choice), heads_of(choice, {})
    strides = strides_of(network, heads, COCO_17)
    maps = network.train()(torch.rand(4, 3, 64, 64))
    for key, stride in strides.items():
        head = heads[split_key(key)[0]]
        counts = {name: count.clamp(min=1) for name, count in head.counts(batch, stride).items()}
        for name, loss in head.losses(maps[key], batch, stride, 0.0, counts).items():
            (gradient,) = torch.autograd.grad(loss.value, maps[key], retain_graph=True, allow_unused=True)
            assert loss.value == 0 and (gradient is None or not gradient.any()), name


def test_some_photographs_may_be_annotated(quiet, tiny_synthetic, labels):
    """Those that are not stay, unless they are annotated as empty."""
    (trained,) = Trainer(learning_from(quiet, tiny_synthetic, labels)).data.sets
    assert len(trained.image_ids) == 24
    document = json.loads(trained.photographs.annotation_file.read_text())
    first, second = (image["id"] for image in document["images"][:2])
    document["annotated_joints"] = [[]]
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] not in (first, second)]
    document["images"][0]["annotated_joints"] = 0
    root = quiet.out.parent / "mixed"
    (root / "annotations").mkdir(parents=True)
    (root / "annotations" / "person_keypoints_train2017.json").write_text(json.dumps(document))
    (root / "train2017").symlink_to(tiny_synthetic / "train2017")
    out = str(quiet.out.parent / "mixed.zarr")
    build = ["build", "--data.root", str(root), "--data.split", "train2017", "--teacher", "oracle", "--map_size", "32"]
    assert cache.main([*build, "--out", out]) == 0
    for alpha, expected in ((0.5, 23), (0.0, 22)):
        config = learning_from(quiet, root, out, alpha)
        ids = Trainer(dataclasses.replace(config, out=quiet.out / str(alpha))).data.sets[0].image_ids
        assert len(ids) == expected and (first in ids) == (alpha > 0)


def test_a_split_for_the_minival_may_be_absent_but_not_misspelt(quiet, tiny_synthetic, tmp_path, capsys):
    shutil.copytree(tiny_synthetic, tmp_path / "set")
    (tmp_path / "set" / "annotations" / "person_keypoints_val2017.json").unlink()
    data = dataclasses.replace(quiet.data, root=tmp_path / "set")
    config = dataclasses.replace(quiet, data=data, steps=2)
    assert Trainer(config).run() == {}
    assert "has no split val2017 (data.val_split): there is no minival" in capsys.readouterr().out
    data = dataclasses.replace(data, val_split="valid")
    with pytest.raises(InputError, match="has no split valid; its splits are train2017"):
        Trainer(dataclasses.replace(config, data=data, out=tmp_path / "other"))
