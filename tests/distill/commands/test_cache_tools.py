"""`distill-cache verify`, `info`, `view` and `export`."""

import json
import re
import shutil

import cv2
import fsspec
import numpy as np

from cache.store import SoftLabelStore
from distill.commands.cache import main

SAMPLE = ["--sample", "4", "--teacher", "oracle"]


def test_verify_compares_annotations(error_line, store, shared, capsys):
    assert main(["verify", str(store), "--data.root", str(shared / "coco_mini")]) == 1
    assert "annotation_sha256 is" in error_line(capsys)


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


def test_verify_finds_labels_that_the_teacher_does_not_give(error_line, store, tmp_path, capsys):
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


def test_verify_finds_peaks_that_the_teacher_does_not_give(error_line, store, tmp_path, capsys):
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


def test_sample_of_another_teacher_is_refused(error_line, store, capsys):
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


def test_view_of_a_missing_image(error_line, store, capsys):
    assert main(["view", str(store), "--image_id", "987654321"]) == 1
    assert "image_id 987654321 has no label" in error_line(capsys)
