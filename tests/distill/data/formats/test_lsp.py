"""Leeds Sports Pose: both arrays, halves, and the true file of the extended set."""

import numpy as np
import pytest
import scipy.io
from PIL import Image

from distill.data.formats.registry import splits_of
from distill.data.keypoint_set import IGNORED, KeypointSet, open_data
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.pose.skeleton import COCO_17, LSP_14
from distill.system.errors import InputError


def joints(pictures):
    """Joints (14, 3, N) as the extended set has them, around the middle of a 60 x 40 photograph."""
    points = np.random.default_rng(0).uniform((15, 10), (45, 30), (pictures, 14, 2))
    values = np.concatenate([points, np.ones((pictures, 14, 1))], axis=2)
    values[:, 3] = -80.5, 300, 0
    return values.transpose(1, 2, 0)


@pytest.fixture
def write(tmp_path):
    """Function that writes an array, and photographs of 60 x 40 with the given numbers."""

    def write(array, *numbers, digits=5, folder="images"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for number in numbers:
            Image.new("RGB", (60, 40)).save(tmp_path / folder / f"im{number:0{digits}d}.jpg")
        scipy.io.savemat(tmp_path / "joints.mat", {"joints": array})
        return DataSource(tmp_path)

    return write


@pytest.mark.parametrize("folder", ["images", "photographs", "."])
def test_the_extended_set(write, tmp_path, folder):
    array = joints(3)
    data = open_data(write(array, 1, 3, folder=folder), "auto")
    assert splits_of(tmp_path) == [("", "lsp")] and data.skeleton is LSP_14
    assert data.image_ids.tolist() == [1, 3] and data.path(3).name == "im00003.jpg"
    [person] = data.keypoints(3)
    assert np.allclose(person[0], [*(array[0, :2, 2] - 0.5), 2], atol=1e-4) and not person[3].any()
    assert "photographs that are not there are left out: 1" in data.notes[0]


def test_the_small_set_has_two_halves_and_hidden_joints(write, tmp_path):
    array = joints(4).transpose(1, 0, 2)
    source = write(array, 1, 2, 3, 4, digits=4)
    assert splits_of(tmp_path) == [("train", "lsp"), ("test", "lsp")]
    train, test = (KeypointSet(source.other(split), LSP_14) for split in ("train", "test"))
    assert train.image_ids.tolist() == [1, 2] and test.image_ids.tolist() == [3, 4]
    assert train.keypoints(1)[0, 0, 2] == 1


def test_what_lies_beside_the_person_is_ignored(write):
    data = KeypointSet(write(joints(1), 1), LSP_14)
    box = data.annotations.boxes[~data.annotations.is_crowd][0]
    ignored = data.masks(1)[..., IGNORED]
    left, top, right, bottom = np.round([*box[:2], *(box[:2] + box[2:])]).astype(int)
    assert not ignored[top + 1 : bottom - 1, left + 1 : right - 1].any()
    for outside in (ignored[: top - 1], ignored[bottom + 1 :], ignored[:, : left - 1], ignored[:, right + 1 :]):
        assert outside.size and outside.min() == 255
    bystander = data.keypoints(1)[0] - (14, 9, 0)
    found = {1: (np.stack([bystander, data.keypoints(1)[0]]), np.array([0.9, 0.8]))}
    assert evaluate(found, data)["ap"] == pytest.approx(1)


def test_the_true_file(shared):
    data = open_data(DataSource(shared / "real"), "auto")
    assert len(data) == 5500 and "left out: 4500" in data.notes[0]
    assert data.joints_annotated(2).all() and len(data.keypoints(2)) == 1
    persons = data.annotations.keypoints[data.annotations.labelled]
    assert len(persons) == 5500 and (persons[..., 2] > 0).mean() > 0.85
    assert np.allclose(data.keypoints(2)[0, 0], [75.2106, 48.9939, 2], atol=1e-3)


def test_joints_that_are_no_numbers_are_told(write):
    array = joints(2)
    array[5, 0, 0] = np.nan
    data = KeypointSet(write(array, 1, 2), LSP_14)
    assert data.keypoints(1)[0, 5, 2] == 0 and any("joints that are no numbers" in line for line in data.notes)


def test_truncated_and_other_files_are_one_line(write, tmp_path):
    source = write(joints(2), 1, 2)
    file = tmp_path / "joints.mat"
    whole = file.read_bytes()
    for content in (whole[:200], whole[:90], b"", b"MATLAB 7.3 MAT-file" + bytes(600)):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"joints\.mat|holds no split") as caught:
            KeypointSet(DataSource(tmp_path, format="lsp"), LSP_14)
        assert "\n" not in str(caught.value)
        assert splits_of(tmp_path, "lsp") in ([], [("", "lsp")])
    for wrong in ({"joints": np.zeros((16, 3, 2))}, {"joints": np.array("x")}, {"other": 3}):
        scipy.io.savemat(file, wrong)
        with pytest.raises(InputError, match=r"joints\.mat"):
            KeypointSet(DataSource(source.root, format="lsp"), LSP_14)


def test_no_photographs_and_another_skeleton(write, tmp_path):
    with pytest.raises(InputError, match="holds none of the photographs of"):
        KeypointSet(write(joints(2)), LSP_14)
    with pytest.raises(InputError, match="joint 1 is 'right_ankle' instead of 'nose'"):
        KeypointSet(write(joints(2), 1), COCO_17)
