import json
import re
import shutil

import cv2
import fsspec
import numpy as np
import pytest

from cache.store import SoftLabelStore
from distill.commands import train
from distill.commands.cache import main
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


def build(root, out, *more):
    """Exit code of a small build with the oracle."""
    arguments = ["build", "--data.root", str(root), "--data.split", "val2017", "--teacher", "oracle"]
    arguments += ["--map_size", "64", "--shard_length", "4", "--out", str(out), *more]
    return main(arguments)


@pytest.fixture(scope="module")
def store(tiny_synthetic, tmp_path_factory):
    """Labels of 12 synthetic scenes, made and evaluated by the command."""
    out = tmp_path_factory.mktemp("cache") / "labels.zarr"
    assert build(tiny_synthetic, out, "--evaluate", "true") == 0
    return out


@pytest.fixture
def broken(store, tmp_path):
    """A copy with one flipped byte."""
    copy = tmp_path / "broken.zarr"
    shutil.copytree(store, copy)
    path = copy / "heatmap/c/1/0/0/0"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    return copy


def error_line(capsys):
    """The one line on standard error."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_build_writes_and_evaluates(store, tiny_synthetic, tmp_path, capsys):
    assert build(tiny_synthetic, tmp_path / "labels.zarr", "--evaluate", "true", "--limit", "3") == 0
    printed = capsys.readouterr().out
    assert "3 images" in printed
    assert "ap50" in printed
    assert len(SoftLabelStore.open(tmp_path / "labels.zarr")) == 3
    assert json.loads((store / "evaluation.json").read_text())["ap"] > 0.99
    configuration = SoftLabelStore.open(store).attributes["configuration"]
    where = {"root": str(tiny_synthetic), "annotations": None, "images": None}
    assert configuration["data"] == where | {"split": "val2017", "format": "auto"}


def test_photographs_that_teach_nobody_are_left_out_when_asked(shared, tmp_path, capsys):
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


def test_build_again_does_nothing(store, tiny_synthetic):
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    assert build(tiny_synthetic, store, "--batch_size", "2") == 0
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


def test_build_mends_a_broken_shard(broken, store, tiny_synthetic, capsys):
    assert main(["verify", str(broken)]) == 1
    assert "1 of 3 shards are missing or do not match their checksums: 1;" in error_line(capsys)
    assert build(tiny_synthetic, broken) == 0
    assert main(["verify", str(broken), "--data.root", str(tiny_synthetic)]) == 0
    shard = "heatmap/c/1/0/0/0"
    assert (broken / shard).read_bytes() == (store / shard).read_bytes()


def test_tasks_fill_the_store_together(store, tiny_synthetic, tmp_path, monkeypatch, capsys):
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


def test_verify_compares_annotations(store, shared, capsys):
    assert main(["verify", str(store), "--data.root", str(shared / "coco_mini")]) == 1
    assert "annotation_sha256 is" in error_line(capsys)


SAMPLE = ["--sample", "4", "--teacher", "oracle"]


def test_verify_scores_the_teacher(store, tiny_synthetic, shared, capsys):
    (store / "evaluation.json").unlink(missing_ok=True)
    assert main(["verify", str(store), "--data.root", str(tiny_synthetic), "--evaluate", "true"]) == 0
    assert re.search(r"^ap +[01]\.\d+$", capsys.readouterr().out, re.MULTILINE)
    assert (store / "evaluation.json").exists()
    assert main(["verify", str(store), "--evaluate", "true"]) == 1
    assert "evaluate needs the annotations: name their set with data.root" in capsys.readouterr().err


def test_a_whole_store_of_photographs_alone_is_verified_without_a_score(shared, tmp_path, capsys):
    photographs, out = tmp_path / "photographs", str(tmp_path / "labels.zarr")
    photographs.mkdir()
    for path in sorted((shared / "real" / "photographs").iterdir())[:2]:
        shutil.copy(path, photographs)
    arguments = ["--data.root", str(photographs), "--map_size", "32", "--teacher.input_size", "64"]
    assert main(["build", *arguments, "--out", out]) == 0
    assert main(["verify", out, "--data.root", str(photographs), "--evaluate", "true"]) == 0
    assert "nobody has a labelled joint on these photographs" in capsys.readouterr().out


def test_verify_labels_a_sample_again(store, capsys):
    assert main(["verify", str(store), *SAMPLE]) == 0
    printed = capsys.readouterr().out
    assert "its images are the 12 of" in printed
    assert "4 images labelled again; heatmap values differ by at most 0.0000" in printed
    assert "peaks by at most 0.0" in printed
    assert "0 images have other persons" in printed


def test_verify_finds_labels_that_the_teacher_does_not_give(store, tmp_path, capsys):
    """Whole shards with right checksums, but another photograph's labels."""
    copy = tmp_path / "shuffled.zarr"
    shutil.copytree(store, copy)
    source = SoftLabelStore.open(store)
    attributes = json.loads((copy / "zarr.json").read_text())["attributes"]
    shape = attributes.pop("shape")
    shuffled = SoftLabelStore.create(
        copy,
        image_ids=source.image_ids,
        image_sizes=source.image_sizes,
        to_map=source.to_map,
        num_keypoints=shape["keypoints"],
        map_size=shape["map_size"],
        max_persons=shape["max_persons"],
        shard_length=shape["shard_length"],
        attributes=attributes,
    )
    for shard in range(3):
        labels = [source.read(image_id) for image_id in source.shard_image_ids(shard)[::-1]]
        persons, scores = [each.persons for each in labels], [each.person_score for each in labels]
        peaks = [each.peaks for each in labels]
        shuffled.write_shard(shard, np.stack([each.heatmap for each in labels]), persons, scores, peaks)
    assert main(["verify", str(copy)]) == 0
    assert main(["verify", str(copy), *SAMPLE]) == 1
    assert "from what the teacher sees" in error_line(capsys)


def test_verify_finds_peaks_that_the_teacher_does_not_give(store, tmp_path, capsys):
    """Maps and persons are right, and every peak is a tenth lower than the teacher's."""
    copy = tmp_path / "lowered.zarr"
    shutil.copytree(store, copy)
    settings = {"num_keypoints": 17, "map_size": 64, "shard_length": 4}
    source = SoftLabelStore.open(store)
    fixed = {"image_ids": source.image_ids, "image_sizes": source.image_sizes, "to_map": source.to_map}
    attributes = {k: v for k, v in source.attributes.items() if k not in ("shape", "encoding", "peak")}
    lowered = SoftLabelStore.create(copy, **fixed, **settings, attributes=attributes)
    for shard in range(3):
        labels = [source.read(image_id) for image_id in source.shard_image_ids(shard)]
        values = ([getattr(each, name) for each in labels] for name in ("persons", "person_score"))
        peaks = [each.peaks * (1, 1, 1, 0.9, 1) for each in labels]
        lowered.write_shard(shard, np.stack([each.heatmap for each in labels]), *values, peaks)
    assert main(["verify", str(copy), *SAMPLE]) == 1
    assert "differs by 0.10" in error_line(capsys)


def test_a_store_of_version_1_is_described_verified_shown_and_exported(store, as_version_1, tmp_path, capsys):
    old = as_version_1(shutil.copytree(store, tmp_path / "old.zarr"))
    assert main(["info", str(old)]) == 0
    assert "none, as in every store of format 1" in capsys.readouterr().out
    assert main(["verify", str(old), *SAMPLE]) == 0
    assert "peaks by" not in capsys.readouterr().out
    assert main(["view", str(old), "--out", str(tmp_path / "view.png")]) == 0
    assert main(["export", str(old), "--out", str(tmp_path / "records")]) == 0
    assert "peaks" not in json.loads((tmp_path / "records/labels.json").read_text())["features"]


def test_going_on_with_a_store_of_version_1_is_refused(store, as_version_1, tiny_synthetic, tmp_path, capsys):
    old = as_version_1(shutil.copytree(store, tmp_path / "old.zarr"))
    assert build(tiny_synthetic, old) == 1
    assert "is a store of format 1, but 2 is written" in error_line(capsys)


def test_sample_of_another_teacher_is_refused(store, capsys):
    assert main(["verify", str(store), "--sample", "4", "--teacher", "{name: oracle, input_size: 256}"]) == 1
    assert "teacher.input_size is" in error_line(capsys)


def test_export(store, tmp_path, capsys):
    out = tmp_path / "records"
    assert main(["export", str(store), "--format", "tfrecord", "--out", str(out)]) == 0
    assert "12 images in 3 files" in capsys.readouterr().out
    assert len(list(out.glob("*.tfrecord.gz"))) == 3
    assert (out / "labels.json").is_file()


def test_commands_on_object_storage(store, bucket, tmp_path, capsys):
    """The same labels under a URL: described, verified, shown and exported from there."""
    url = f"{bucket}/labels.zarr"
    fsspec.filesystem("s3", use_listings_cache=False).put(f"{store}/", f"{url}/", recursive=True)
    assert main(["info", url]) == 0
    assert "12 images, 12 labelled" in capsys.readouterr().out
    assert main(["verify", url, *SAMPLE]) == 0
    assert main(["view", url, "--out", str(tmp_path / "view.png")]) == 0
    assert main(["export", url, "--out", str(tmp_path / "records")]) == 0


def test_info(store, capsys):
    assert main(["info", str(store)]) == 0
    printed = capsys.readouterr().out
    for part in (
        "val2017, 12 images, 12 labelled",
        "3, 0 missing",
        "17 x 64 x 64",
        "name oracle",
        "kB an image",
        "ap ",
    ):
        assert part in printed


def test_view(store, tmp_path):
    out = tmp_path / "picture.png"
    image_id = int(SoftLabelStore.open(store).image_ids[2])
    assert main(["view", str(store), "--image_id", str(image_id), "--out", str(out)]) == 0
    picture = cv2.imread(str(out))
    assert picture.shape[1] > 3 * 480
    assert np.unique(picture.reshape(-1, 3), axis=0).shape[0] > 1000


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
def test_bad_input_is_one_line(arguments, message, capsys):
    assert main(arguments) in (1, 2)
    assert message in error_line(capsys)


def test_store_of_another_configuration_is_refused(store, tiny_synthetic, capsys):
    assert build(tiny_synthetic, store, "--noise_floor", "0.1") == 1
    assert "encoding.floor is 0.02, expected 0.1" in error_line(capsys)


def test_place_that_cannot_be_written(tiny_synthetic, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert build(tiny_synthetic, tmp_path / "file" / "labels.zarr") == 1
    assert "cannot be written" in error_line(capsys)


def test_broken_photograph(tiny_synthetic, tmp_path, capsys):
    root = tmp_path / "set"
    shutil.copytree(tiny_synthetic, root)
    photograph = min((root / "val2017").iterdir())
    photograph.write_bytes(photograph.read_bytes()[:200])
    assert build(root, tmp_path / "labels.zarr") == 1
    assert str(photograph) in error_line(capsys)


def test_view_of_a_missing_image(store, capsys):
    assert main(["view", str(store), "--image_id", "987654321"]) == 1
    assert "image_id 987654321 has no label" in error_line(capsys)
