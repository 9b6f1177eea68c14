"""A folder of photographs is a data set, and nothing else is taken for one."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from distill.data.formats.registry import splits_of
from distill.data.keypoint_set import IGNORED, UNKNOWN, KeypointSet, open_data
from distill.data.source import DataSource
from distill.pose.skeleton import AI_CHALLENGER_14, COCO_17
from distill.system.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Three photographs of different sizes, one in a folder of its own, and a file of another kind."""
    (tmp_path / "second day").mkdir()
    for number, name in enumerate(("b.JPG", "a.png", "second day/a.webp")):
        Image.new("RGB", (20 + number, 10), (10, 99, 200)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("beach")
    (tmp_path / ".hidden.jpg").write_bytes(b"no picture")
    return tmp_path


def test_all_photographs_are_numbered_by_path(folder):
    data = KeypointSet(DataSource(folder), COCO_17)
    assert data.image_ids.tolist() == [1, 2, 3] and data.split == ""
    assert [data.path(i).relative_to(folder).as_posix() for i in (1, 2, 3)] == ["a.png", "b.JPG", "second day/a.webp"]
    assert [data.size(i) for i in (1, 2, 3)] == [(21, 10), (20, 10), (22, 10)]
    [line] = data.notes
    assert "photographs in which nobody is annotated: 3, first a.png" in line


def test_nobody_is_annotated_and_everything_is_ignored(folder):
    data = KeypointSet(DataSource(folder), AI_CHALLENGER_14)
    assert not data.is_annotated(1) and not data.joints_annotated(1).any() and len(data.keypoints(1)) == 0
    masks = data.masks(1)
    assert masks[..., [UNKNOWN, IGNORED]].min() == 255 and masks[..., 0].max() == 0
    with pytest.raises(InputError, match="nobody has a labelled joint on these photographs"):
        data.require_labelled()


def test_numbers_as_names_are_the_ids(tmp_path):
    for name in ("000000000139.jpg", "000000000017.jpg"):
        Image.new("RGB", (9, 8)).save(tmp_path / name)
    data = KeypointSet(DataSource(tmp_path), COCO_17)
    assert data.image_ids.tolist() == [17, 139] and data.path(139).name == "000000000139.jpg"
    (tmp_path / "more").mkdir()
    Image.new("RGB", (9, 8)).save(tmp_path / "more" / "139.png")
    assert KeypointSet(DataSource(tmp_path), COCO_17).image_ids.tolist() == [1, 2, 3]


@pytest.mark.parametrize("place", ["train", "images/train"])
def test_a_split_is_a_folder(folder, place):
    (folder / place).mkdir(parents=True)
    (folder / "b.JPG").rename(folder / place / "b.JPG")
    assert KeypointSet(DataSource(folder, "train"), COCO_17).path(1) == folder / place / "b.JPG"
    assert len(KeypointSet(DataSource(folder, "no such"), COCO_17)) == 3


def test_photographs_alone_are_named_by_images(folder):
    data = KeypointSet(DataSource(images=folder / "second day"), COCO_17)
    assert data.path(1).name == "a.webp"


def test_what_cannot_be_read_is_left_out_and_told(folder, capsys):
    (folder / "c.jpg").write_bytes((folder / "b.JPG").read_bytes()[:30])
    (folder / "IMG_1.HEIC").write_bytes(b"ftypheic")
    data = KeypointSet(DataSource(folder), COCO_17)
    assert len(data) == 3
    told = "\n".join(data.notes)
    assert "photographs that cannot be opened are left out: 1, first " in told and "c.jpg" in told
    assert "pictures that are not read (.heic) are left out; save them as JPEG: 1" in told


def test_an_own_skeleton_is_cocos(folder):
    data = open_data(DataSource(folder), "auto")
    assert data.skeleton is COCO_17 and "they get coco_17" in data.notes[0]


def test_another_photograph_is_another_content(folder):
    before = KeypointSet(DataSource(folder), COCO_17).annotation_sha256
    assert KeypointSet(DataSource(folder), COCO_17).annotation_sha256 == before
    shutil.copy(folder / "a.png", folder / "d.png")
    assert KeypointSet(DataSource(folder), COCO_17).annotation_sha256 != before


@pytest.mark.parametrize("name", ["annotations/instances_val2017.json", "mine.json", "joints.mat", "labels/a.txt"])
def test_what_may_be_annotations_is_not_passed_over(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"kind": "unknown"}))
    with pytest.raises(InputError, match=r"holds no split val2017 of a known format.*\(photographs for pictures whose"):
        KeypointSet(DataSource(folder), COCO_17)
    assert splits_of(folder) == []
    assert len(KeypointSet(DataSource(folder, format="photographs"), COCO_17)) == 3


def test_a_wrong_split_of_an_annotated_set_is_not_photographs(tiny_synthetic):
    with pytest.raises(InputError, match="has no split val; its splits are train2017, val2017"):
        KeypointSet(DataSource(tiny_synthetic, "val"), COCO_17)


def test_a_folder_without_photographs(tmp_path):
    with pytest.raises(InputError, match="holds no split val2017 of a known format"):
        KeypointSet(DataSource(tmp_path), COCO_17)
    with pytest.raises(InputError, match="holds no photographs; give a folder of JPEG, PNG or WebP files"):
        KeypointSet(DataSource(images=tmp_path), COCO_17)


def test_photographs_are_read_as_they_are(folder):
    data = KeypointSet(DataSource(folder), COCO_17)
    assert np.array_equal(data.photograph(1), np.full((10, 21, 3), (10, 99, 200), np.uint8))
