"""The parsed form of a large file is kept, and never taken for that of another."""

import json
import multiprocessing
import os
import time

import numpy as np
import pytest
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.reading import coco_json, kept
from distill.data.reading.json_file import parsed
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A set whose annotation file counts as large, beside a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "SMALLEST", 100)
    root = tmp_path / "set"
    (root / "val2017").mkdir(parents=True)
    (root / "annotations").mkdir()
    for name in ("7.jpg", "8.jpg"):
        Image.new("RGB", (64, 48)).save(root / "val2017" / name)
    person = {"category_id": 1, "bbox": [2, 2, 40, 40], "area": 900, "iscrowd": 0}
    outlines = ([[1.5, 1, 30, 1, 30, 30]], {"size": [48, 64], "counts": [100, 40, 2932]}, None)
    document = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 48} for i in (7, 8)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}, {"id": 2, "name": "car"}],
        "annotations": [
            person | {"id": n, "image_id": 7, "keypoints": [9 + n, 9, 2] + [0] * 48, "segmentation": outline}
            for n, outline in enumerate(outlines, start=1)
        ]
        + [person | {"id": 9, "category_id": 2, "image_id": 8}],
    }
    (root / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(document))
    return root


def read(root, skeleton=COCO_17):
    return KeypointSet(DataSource(root), skeleton)


def same(one, two):
    assert one.notes == two.notes and one.skeleton == two.skeleton and one.category == two.category
    assert one.image_ids.tolist() == two.image_ids.tolist()
    for image_id in one.image_ids.tolist():
        assert np.array_equal(one.keypoints(image_id), two.keypoints(image_id))
        assert np.array_equal(one.masks(image_id), two.masks(image_id))
        assert np.array_equal(one.joints_annotated(image_id), two.joints_annotated(image_id))


def test_it_is_read_again_as_it_was_parsed(large, monkeypatch):
    first = read(large)
    [file] = forms()
    monkeypatch.setattr("distill.data.reading.coco_json.parsed", None)
    same(first, read(large))
    assert kept.folder().is_relative_to(os.environ["XDG_CACHE_HOME"]) and file.suffix == ".safetensors"


def test_other_content_another_skeleton_and_small_files_have_forms_of_their_own(large, monkeypatch):
    read(large)
    read(large, None)
    assert len(forms()) == 2
    path = large / "annotations" / "person_keypoints_val2017.json"
    path.write_text(path.read_text().replace('"area": 900', '"area": 901'))
    assert read(large).annotations.areas[0] == 901 and len(forms()) == 3
    monkeypatch.setattr(kept, "SMALLEST", 10**9)
    path.write_text(path.read_text().replace('"area": 901', '"area": 902'))
    assert read(large).annotations.areas[0] == 902 and len(forms()) == 3


@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 400])
def test_a_damaged_file_is_made_again(large, spoil, monkeypatch):
    first = read(large)
    [file] = forms()
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    same(first, read(large))
    assert len(file.read_bytes()) == len(whole)
    monkeypatch.setattr("distill.data.reading.coco_json.parsed", None)
    same(first, read(large))


def test_a_folder_that_cannot_be_written_is_no_fault(large, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(read(large).keypoints(7)) == 3


def test_sizes_that_come_from_photographs_are_not_kept(large):
    path = large / "annotations" / "person_keypoints_val2017.json"
    path.write_text(path.read_text().replace('"width": 64, ', ""))
    assert read(large).size(7) == (64, 48)
    assert not forms()


def test_of_many_processes_at_once_one_parses(large, tmp_path, monkeypatch):
    def noted(content, path):
        with (tmp_path / "parsed").open("a") as file:
            file.write("once\n")
        time.sleep(0.3)
        return parsed(content, path)

    monkeypatch.setattr("distill.data.reading.coco_json.parsed", noted)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        counts = pool.map(_persons_of, [large] * 4, chunksize=1)
    assert counts == [3] * 4 and len(forms()) == 1
    assert (tmp_path / "parsed").read_text() == "once\n"


def test_a_process_that_dies_blocks_nobody(large):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=_hang, args=(large, begun))
    process.start()
    assert begun.wait(30)
    process.kill()
    process.join()
    assert len(read(large).keypoints(7)) == 3 and len(forms()) == 1


def _hang(root, begun):
    def never(content, path):
        begun.set()
        time.sleep(600)

    coco_json.parsed = never
    read(root)


def forms():
    return list(kept.folder().glob("*.safetensors"))


def _persons_of(root):
    return len(read(root).keypoints(7))
