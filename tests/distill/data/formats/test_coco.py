"""COCO's files in the layouts of COCO and of annotation tools."""

import pytest

from distill.data.formats import coco
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError


def place(root, annotations: str, photographs: str):
    """Move the set that `write` wrote to another layout."""
    for old, new in (("annotations/person_keypoints_train2017.json", annotations), ("train2017", photographs)):
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)
    (root / "annotations").rmdir() if not any((root / "annotations").iterdir()) else None


@pytest.mark.parametrize("folder", ["train2017", "images/train2017"])
def test_both_folder_layouts(write, folder):
    assert write(folder=folder).photograph(7).shape == (16, 24, 3)


def test_missing_annotations(tmp_path):
    with pytest.raises(InputError, match=r"holds no split val2017 of a known format"):
        KeypointSet(DataSource(tmp_path, "val2017"), COCO_17)


def test_photographs_are_looked_for_in_every_folder_of_the_set(write, tmp_path):
    write()
    (tmp_path / "train2017").rename(tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / "7.jpg"
    assert KeypointSet(DataSource(tmp_path, "train2017"), COCO_17).path(7) == moved
    moved.unlink()
    with pytest.raises(InputError, match=r"lists 1 photographs that are not in .* first '7.jpg'"):
        KeypointSet(DataSource(tmp_path, "train2017"), COCO_17)


def test_no_json_at_all(write, tmp_path):
    write()
    for content in (b'{"images": [', b"", b"\x00\xff" * 40, b'{"images": ' + b"[" * 200_000):
        (tmp_path / "annotations/person_keypoints_train2017.json").write_bytes(content)
        with pytest.raises(InputError, match=r"is not JSON|nested too deeply"):
            KeypointSet(DataSource(tmp_path, "train2017"), COCO_17)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_as_other_systems_write_it(write, tmp_path, encoding):
    file = write({}).annotation_file
    file.write_bytes(file.read_text().encode(encoding))
    assert len(KeypointSet(DataSource(tmp_path, "train2017"), COCO_17).keypoints(7)) == 1


@pytest.mark.parametrize(
    ("annotations", "photographs", "splits", "split"),
    [
        ("annotations/person_keypoints_train2017.json", "images", ["train2017"], "train2017"),
        ("annotations/train2017.json", "train2017", ["train2017"], "train2017"),
        ("annotations/person_keypoints_default.json", "images/default", [""], "val2017"),
        ("annotations/person_keypoints_default.json", "images", [""], "default"),
        ("train/_annotations.coco.json", "train/images", ["train"], "train"),
        ("result.json", "images", [""], "train2017"),
        ("result.json", "photographs/of/mine", [""], "train2017"),
    ],
)
def test_layouts_of_other_tools(write, tmp_path, annotations, photographs, splits, split):
    write({})
    place(tmp_path, annotations, photographs)
    assert coco.Coco().splits(tmp_path) == splits
    data = KeypointSet(DataSource(tmp_path, split), COCO_17)
    assert data.photograph(7).shape == (16, 24, 3) and len(data.keypoints(7)) == 1


def test_annotations_and_photographs_may_lie_anywhere(write, tmp_path):
    write({})
    place(tmp_path, "here/notes.json", "there/pictures")
    source = DataSource(annotations=tmp_path / "here/notes.json", images=tmp_path / "there")
    assert KeypointSet(source, COCO_17).photograph(7).shape == (16, 24, 3)
    for wrong, message in (
        (DataSource(), "no data are named: give data.root"),
        (DataSource(annotations=tmp_path / "none.json", images=tmp_path), "none.json is not a file"),
        (DataSource(annotations=source.annotations, images=tmp_path / "none"), "none is not a folder"),
        (DataSource(annotations=tmp_path / "there/pictures/7.jpg", images=tmp_path), "7.jpg is of no known format"),
    ):
        with pytest.raises(InputError, match=message):
            KeypointSet(wrong, COCO_17)


def test_a_wrong_split_is_told_the_right_ones(write, tmp_path):
    write({})
    with pytest.raises(InputError, match=r"has no split val2017; its splits are train2017: choose by data.split"):
        KeypointSet(DataSource(tmp_path, "val2017"), COCO_17)


@pytest.mark.parametrize("place", ["annotations/mine.json", "mine.json"])
def test_a_file_alone_has_its_photographs_beside_it(write, tmp_path, place):
    write({"area": 80}).annotation_file.rename(tmp_path / place)
    data = KeypointSet(DataSource(annotations=tmp_path / place), COCO_17)
    assert data.path(7) == tmp_path / "train2017" / "7.jpg" and len(data.keypoints(7)) == 1
