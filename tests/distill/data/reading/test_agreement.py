"""Photographs of other sizes than annotated, broken ones and turned ones are found when a set is opened."""

import json

import pytest
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError


@pytest.fixture
def write(tmp_path):
    """Function that writes a photograph of 24 x 16 with an EXIF turn, annotated as of a size, and opens the set."""

    def write(size, orientation=1, content=None):
        (tmp_path / "val2017").mkdir(exist_ok=True)
        (tmp_path / "annotations").mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (24, 16)).save(tmp_path / "val2017" / "7.jpg", exif=exif)
        if content is not None:
            (tmp_path / "val2017" / "7.jpg").write_bytes(content)
        document = {
            "images": [{"id": 7, "file_name": "7.jpg", "width": size[0], "height": size[1]}],
            "annotations": [],
            "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}],
        }
        (tmp_path / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(document))
        return KeypointSet(DataSource(tmp_path), COCO_17)

    return write


def about_turns(data):
    return [line for line in data.notes if "EXIF" in line]


@pytest.mark.parametrize(("orientation", "size"), [(3, (24, 16)), (6, (16, 24)), (8, (16, 24)), (5, (16, 24))])
def test_turned_photographs_are_told(write, orientation, size):
    data = write(size, orientation)
    assert data.photograph(7).shape[1::-1] == size
    [line] = about_turns(data)
    assert (
        "they are turned as viewers show them, so annotations must be of the turned photograph: 1, first 7.jpg" in line
    )


def test_a_size_that_contradicts_the_turn_is_told_and_counts(write):
    data = write((24, 16), 6)
    assert data.photograph(7).shape == (16, 24, 3)
    [line] = about_turns(data)
    assert "with an EXIF turn that their annotated size contradicts; they are read as they are stored: 1" in line


def test_nothing_is_said_of_upright_ones(write):
    assert about_turns(write((24, 16))) == []


@pytest.mark.parametrize("size", [(16, 24), (25, 16), (240, 160)])
def test_another_size_is_one_line(write, size):
    with pytest.raises(InputError, match=r"7\.jpg is 24 x 16 pixels, but person_keypoints_val2017\.json says"):
        write(size)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xd8\xff"])
def test_no_picture_is_one_line(write, content):
    with pytest.raises(InputError, match=r"7\.jpg cannot be read as a photograph"):
        write((24, 16), content=content)
