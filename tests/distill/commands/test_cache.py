"""`distill-cache build`."""

import json
import shutil

import pytest

from cache.store import SoftLabelStore
from distill.commands import train
from distill.commands.cache import main
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


def test_build_writes_and_evaluates(build, store, tiny_synthetic, tmp_path, capsys):
    assert build(tiny_synthetic, tmp_path / "labels.zarr", "--evaluate", "true", "--limit", "3") == 0
    printed = capsys.readouterr().out
    assert "3 images" in printed
    assert "ap50" in printed
    assert len(SoftLabelStore.open(tmp_path / "labels.zarr")) == 3
    assert json.loads((store / "evaluation.json").read_text())["ap"] > 0.99
    configuration = SoftLabelStore.open(store).attributes["configuration"]
    where = {"root": str(tiny_synthetic), "annotations": None, "images": None}
    assert configuration["data"] == where | {"split": "val2017", "format": "auto"}


def test_photographs_that_teach_nobody_are_left_out_when_asked(build, error_line, shared, tmp_path, capsys):
    out, split = tmp_path / "labels.zarr", ("--data.split", "train2017")
    assert build(shared / "coco_mini", out, *split, "--persons_only", "true", "--evaluate", "true") == 0
    labelled = SoftLabelStore.open(out).image_ids
    data = KeypointSet(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    assert labelled.tolist() == [i for i in data.image_ids.tolist() if len(data.keypoints(i))] and len(labelled) == 79
    assert main(["verify", str(out), "--data.root", str(shared / "coco_mini")]) == 0
    assert "16 of the 95 images" in capsys.readouterr().out
    arguments = [
        "--data.root",
        str(shared / "coco_mini"),
        "--data.soft_labels",
        str(out),
        "--out",
        str(tmp_path / "run"),
    ]
    few = [
        "--steps",
        "1",
        "--batch_size",
        "2",
        "--input_size",
        "64",
        "--log.minival_images",
        "2",
        "--data.workers",
        "0",
    ]
    assert train.main([*arguments, *few]) == 0
    assert build(shared / "coco_mini", out, *split) == 1
    assert "image" in error_line(capsys)


@pytest.mark.parametrize("here", [0, 1], ids=["nobody", "somebody"])
def test_photographs_without_anybody_are_told(build, error_line, tiny_synthetic, tmp_path, capsys, here):
    """A results file of other photographs is read, but not in silence."""
    first = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17).image_ids[0].item()
    person = {"keypoints": [20, 30, 0.9] * 17, "score": 0.8}
    results = tmp_path / "results.json"
    results.write_text(json.dumps([person | {"image_id": 10**9}, person | {"image_id": first}][: here + 1]))
    out, teacher = tmp_path / "labels.zarr", ("--teacher.name", "results", "--teacher.results", str(results))
    assert build(tiny_synthetic, out, *teacher) == 0
    line = error_line(capsys)
    assert f"labels.zarr: the teacher found nothing in {12 - here} of 12 photographs" in line
    assert ("its weights, results and confidence" in line) == (not here)


def test_build_again_does_nothing(build, store, tiny_synthetic):
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    assert build(tiny_synthetic, store, "--batch_size", "2") == 0
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


def test_build_mends_a_broken_shard(build, error_line, broken_store, store, tiny_synthetic, capsys):
    assert main(["verify", str(broken_store)]) == 1
    assert "1 of 3 shards are missing or do not match their checksums: 1;" in error_line(capsys)
    assert build(tiny_synthetic, broken_store) == 0
    assert main(["verify", str(broken_store), "--data.root", str(tiny_synthetic)]) == 0
    shard = "heatmap/c/1/0/0/0"
    assert (broken_store / shard).read_bytes() == (store / shard).read_bytes()


def test_tasks_fill_the_store_together(build, store, tiny_synthetic, tmp_path, monkeypatch, capsys):
    """Two tasks of three, then an array of two that starts at 1 does what is left."""
    out = tmp_path / "labels.zarr"
    for task in ("0", "2"):
        assert build(tiny_synthetic, out, "--task_id", task, "--num_tasks", "3", "--evaluate", "true") == 0
        assert "shards of other tasks are missing" in capsys.readouterr().out
    assert SoftLabelStore.open(out).missing_shards() == [1]
    done = (out / "complete/000000.json").stat().st_mtime_ns
    for name, value in {"COUNT": "2", "MIN": "1", "MAX": "2", "STEP": "1"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    for task in ("1", "2"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        assert build(tiny_synthetic, out) == 0
    assert SoftLabelStore.open(out).missing_shards() == []
    assert (out / "complete/000000.json").stat().st_mtime_ns == done
    for path in store.glob("*/c/**/*"):
        if path.is_file():
            assert (out / path.relative_to(store)).read_bytes() == path.read_bytes()


def test_going_on_with_a_store_of_version_1_is_refused(
    build, error_line, store, as_version_1, tiny_synthetic, tmp_path, capsys
):
    old = as_version_1(shutil.copytree(store, tmp_path / "old.zarr"))
    assert build(tiny_synthetic, old) == 1
    assert "is a store of format 1, but 2 is written" in error_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--data.root", "nowhere", "--teacher", "oracle"], "data.root nowhere is not a folder"),
        (["build", "--data.root", "nowhere", "--teacher", "openpose"], "teacher 'openpose' is unknown"),
        (["build", "--data.root", "nowhere", "--map_size", "0"], "map_size must be at least 1"),
        (["build", "--data.root", "nowhere", "--colour", "red"], "colour"),
        (["build", "--data.root", "nowhere", "--task_id", "4", "--num_tasks", "4"], "task_id must be"),
        (["build", "--data.root", "nowhere", "--task_id", "4"], "task_id and num_tasks are given both or neither"),
        (["build", "--data.root", "nowhere", "--persons", "false", "--evaluate", "true"], "but persons is false"),
        (["verify", "nowhere.zarr"], "nowhere.zarr is not a soft-label store"),
        (["info", "nowhere.zarr"], "nowhere.zarr is not a soft-label store"),
        (["view", "nowhere.zarr"], "nowhere.zarr is not a soft-label store"),
        (["export", "nowhere.zarr", "--out", "nowhere"], "nowhere.zarr is not a soft-label store"),
        (["export", "nowhere.zarr", "--out", "nowhere", "--format", "csv"], "format must be tfrecord"),
        (["verify", "nowhere.zarr", "--sample", "-1"], "sample must not be negative"),
    ],
)
def test_bad_input_is_one_line(error_line, arguments, message, capsys):
    assert main(arguments) in (1, 2)
    assert message in error_line(capsys)


def test_store_of_another_configuration_is_refused(build, error_line, store, tiny_synthetic, capsys):
    assert build(tiny_synthetic, store, "--noise_floor", "0.1") == 1
    assert "encoding.floor is 0.02, expected 0.1" in error_line(capsys)


def test_place_that_cannot_be_written(build, error_line, tiny_synthetic, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert build(tiny_synthetic, tmp_path / "file" / "labels.zarr") == 1
    assert "cannot be written" in error_line(capsys)


def test_broken_photograph(build, error_line, tiny_synthetic, tmp_path, capsys):
    root = tmp_path / "set"
    shutil.copytree(tiny_synthetic, root)
    photograph = min((root / "val2017").iterdir())
    photograph.write_bytes(photograph.read_bytes()[:200])
    assert build(root, tmp_path / "labels.zarr") == 1
    assert str(photograph) in error_line(capsys)
