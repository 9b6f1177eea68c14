"""MPII's struct of structs, with the odd forms that the true file has."""

import numpy as np
import pytest
import scipy.io
from PIL import Image

from distill.data.formats.registry import splits_of
from distill.data.keypoint_set import IGNORED, KeypointSet, open_data
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, MPII_16
from distill.system.errors import InputError

NAME = "mpii_human_pose_v1_u12_1.mat"


def structs(entries, fields):
    """An array of structs; what an entry lacks is empty, as MATLAB has it."""
    array = np.zeros((1, len(entries)), dtype=[(field, object) for field in fields])
    for place, entry in enumerate(entries):
        for field in fields:
            array[field][0, place] = entry.get(field, np.zeros((0, 0)))
    return array


def points(*joints):
    listed = [{"x": float(x), "y": float(y), "id": joint, "is_visible": flag} for joint, x, y, flag in joints]
    return structs([{"point": structs(listed, ("x", "y", "id", "is_visible"))}], ("point",))


def place(x, y):
    return structs([{"x": float(x), "y": float(y)}], ("x", "y"))


def image(name):
    return structs([{"name": name}], ("name",))


FIELDS = ("x1", "y1", "x2", "y2", "annopoints", "scale", "objpos")
PERSON = {
    "x1": 30.0,
    "annopoints": points((0, 21, 31, 1), (6, 25, 20, "1"), (9, 26, 5, 0), (15, 40, 18, np.zeros((0, 0)))),
    "scale": 0.25,
    "objpos": place(26, 20),
}
UNLABELLED = {"scale": 0.1, "objpos": place(70, 30)}


@pytest.fixture
def write(tmp_path):
    """Function that writes a file of photographs of 100 x 60, the last of them for testing."""

    def write(*persons, img_train=(1, 1, 0), names=("a.jpg", "b.jpg", "c.jpg"), single=None):
        (tmp_path / "images").mkdir(exist_ok=True)
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            Image.new("RGB", (100, 60)).save(tmp_path / "images" / name)
        people = structs(list(persons) or [PERSON, UNLABELLED], FIELDS)
        entries = [
            {"image": image(names[0]), "annorect": people},
            {"image": image(names[1]), "annorect": structs([{"scale": 1.0}], ("scale",)) if single is None else single},
            {"image": image(names[2]), "annorect": people},
        ]
        release = structs(
            [{"annolist": structs(entries, ("image", "annorect")), "img_train": np.array([img_train])}],
            ("annolist", "img_train"),
        )
        scipy.io.savemat(tmp_path / NAME, {"RELEASE": release})
        return DataSource(tmp_path, "train")

    return write


def test_points_are_joints_counted_from_one(write, tmp_path):
    data = open_data(write(), "auto")
    assert splits_of(tmp_path) == [("test", "mpii"), ("train", "mpii")] and data.skeleton is MPII_16
    assert data.image_ids.tolist() == [1, 2] and data.path(1).name == "a.jpg" and data.size(1) == (100, 60)
    [person] = data.keypoints(1)
    assert person[[0, 6, 9, 15]].tolist() == [[20.5, 30.5, 2], [24.5, 19.5, 2], [25.5, 4.5, 1], [39.5, 17.5, 2]]
    assert not person[1:6].any()


def test_somebody_without_points_is_ignored_around_the_place(write):
    data = KeypointSet(write(), MPII_16)
    assert data.annotations.boxes[1].tolist() == [60, 20, 20, 20]
    ignored = data.masks(1)[..., IGNORED]
    assert ignored[30, 70] == 255 and ignored[20, 25] == 0


def test_nobody_knows_the_joints_of_the_test_photographs(write):
    data = KeypointSet(write().other("test"), MPII_16)
    assert data.image_ids.tolist() == [3] and not data.is_annotated(3) and not len(data.annotations)
    assert "photographs in which nobody is annotated: 1, first c.jpg" in data.notes[0]


def test_what_cannot_be_placed_is_told(write):
    data = KeypointSet(write(PERSON, {"x1": 3.0}), MPII_16)
    assert any("annotations without joints, box and outline are left out: 2" in line for line in data.notes)
    odd = PERSON | {"annopoints": points((0, np.nan, 3, 1), (2, 30, 30, 1), (77, 3, 3, 1))}
    data = KeypointSet(write(odd), MPII_16)
    assert (data.keypoints(1)[0, :, 2] > 0).nonzero()[0].tolist() == [2]
    assert any("joints that are no numbers" in line for line in data.notes)


@pytest.mark.parametrize("rect", [np.zeros((0, 0)), structs([PERSON], FIELDS)])
def test_one_person_or_none_is_no_array(write, rect):
    data = KeypointSet(write(single=rect), MPII_16)
    assert len(data.keypoints(2)) == (1 if rect.size else 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"img_train": (1, 1)}, "RELEASE has 3 entries of annolist and 2 of img_train"),
        ({"img_train": (0, 0, 0)}, "has no photographs with img_train 1"),
        ({"names": ("a.jpg", "zz.jpg", "c.jpg")}, "lists 1 photographs that are not in .* first 'zz.jpg'"),
        ({"names": ("a.jpg", "", "c.jpg")}, r"entry 2 of annolist has no image\.name"),
    ],
)
def test_what_is_wrong_is_one_line(write, options, message):
    with pytest.raises(InputError, match=message):
        KeypointSet(write(**options), MPII_16)


def test_other_files_splits_and_skeletons(write, tmp_path):
    source = write()
    with pytest.raises(InputError, match="has no split val2017; its splits are test, train"):
        KeypointSet(DataSource(tmp_path), MPII_16)
    with pytest.raises(InputError, match="has no split val; its splits are test, train"):
        KeypointSet(DataSource(annotations=tmp_path / NAME, images=tmp_path / "images", split="val"), MPII_16)
    with pytest.raises(InputError, match="joint 1 is 'right_ankle' instead of 'nose'"):
        KeypointSet(source, COCO_17)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot be read as a MATLAB file|holds no split"):
        KeypointSet(source, MPII_16)
    scipy.io.savemat(tmp_path / NAME, {"RELEASE": 3})
    with pytest.raises(InputError, match="RELEASE has 0 entries of annolist"):
        KeypointSet(source, MPII_16)
