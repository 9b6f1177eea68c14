"""The whole way on real photographs, in short form, by the commands that a user types."""

import importlib.util
import json

import pytest
import torch

from distill.commands import cache, export, train
from distill.commands import eval as evaluation
from teachers.higher_hrnet import by_short_name

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(scope="module")
def seeded_w32(shared, run):
    """A checkpoint in the published format, of weights that anyone can make again."""
    spec = importlib.util.spec_from_file_location("seeded_weights", shared / "golden" / "seeded_weights.py")
    seeded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(seeded)
    path = run / "w32.pth"
    torch.save(seeded.fill(by_short_name("higher_hrnet_w32", 17).state_dict()), path)
    return path


def test_a_published_checkpoint_labels_real_photographs(shared, run, seeded_w32, capsys):
    out = run / "w32.zarr"
    command = ["build", "--data.root", str(shared / "coco_mini"), "--data.split", "val2017", "--out", str(out)]
    command += ["--teacher.name", "higher_hrnet_w32", "--teacher.weights", str(seeded_w32)]
    command += ["--teacher.input_size", "128", "--limit", "12", "--shard_length", "8", "--evaluate"]
    assert cache.main(command) == 0
    assert cache.main(["verify", str(out), "--data.root", str(shared / "coco_mini")]) == 0
    assert cache.main(["info", str(out)]) == 0
    assert "higher_hrnet_w32" in capsys.readouterr().out
    assert cache.main([*command[:-1], "--teacher.flip", "false"]) == 1
    assert "flip" in capsys.readouterr().err


def test_cache_train_evaluate_export(shared, run, capsys):
    root, store = str(shared / "coco_mini"), str(run / "labels.zarr")
    build = ["build", "--data.root", root, "--data.split", "train2017", "--out", store, "--evaluate"]
    assert cache.main([*build, "--teacher.input_size", "256"]) == 0
    options = ["--data.root", root, "--data.soft_labels", store, "--input_size", "128", "--steps", "60"]
    options += ["--batch_size", "16", "--out", str(run / "run"), "--log.minival_images", "20"]
    assert train.main(options) == 0
    checkpoint = run / "run" / "last.safetensors"
    figures = {}
    model = run / "student.tflite"
    assert export.main([str(checkpoint), "--out", str(model), "--data.root", root]) == 0
    for path in (checkpoint, model):
        out = run / f"{path.suffix[1:]}.json"
        assert evaluation.main([str(path), "--data.root", root, "--limit", "20", "--out", str(out)]) == 0
        figures[path.suffix] = json.loads(out.read_text())
    assert figures[".tflite"]["ap"] == pytest.approx(figures[".safetensors"]["ap"], abs=0.01)
    assert not any("Traceback" in text for text in capsys.readouterr())


def test_labels_of_other_data_are_refused(shared, run, tiny_synthetic, capsys):
    store = str(run / "labels.zarr")
    options = ["--data.soft_labels", store, "--steps", "1", "--input_size", "64", "--out", str(run / "other")]
    assert train.main([*options, "--data.root", str(tiny_synthetic)]) == 1
    error = capsys.readouterr().err
    assert "annotation_sha256" in error
    assert error.count("\n") == 1
    root = ["--data.root", str(shared / "coco_mini")]
    assert train.main([*options, *root, "--data.split", "val2017"]) == 1
    assert "split is 'train2017', expected 'val2017'" in capsys.readouterr().err


def test_output_that_cannot_be_written(shared, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    options = ["--data.root", str(shared / "coco_mini"), "--loss.alpha", "0", "--steps", "1", "--input_size", "64"]
    assert train.main([*options, "--out", str(tmp_path / "file" / "run")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err
