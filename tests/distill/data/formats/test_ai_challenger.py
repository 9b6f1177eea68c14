"""AI Challenger's list of photographs with persons by name."""

import json

import numpy as np
import pytest
from PIL import Image

from distill.data.formats.registry import splits_of
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import AI_CHALLENGER_14, COCO_17
from distill.system.errors import InputError

JOINTS = [30, 20, 1, 34, 30, 2, 0, 0, 3] + [20 + k for k in range(33)]
JOINTS[11::3] = [1] * 11
ENTRY = {
    "image_id": "b3f1c2",
    "keypoint_annotations": {"human1": JOINTS, "human2": [0, 0, 3] * 14},
    "human_annotations": {"human1": [10, 8, 60, 55], "human2": [60, 10, 75, 40]},
    "url": "https://example.org/b3f1c2.jpg",
}
NAME = "keypoint_train_annotations_20170909.json"


@pytest.fixture
def write(tmp_path):
    """Function that writes the file of two photographs of 80 x 60 and reads the split."""

    def write(*entries, folder="keypoint_train_images_20170902", **options):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in ("b3f1c2", "a0"):
            Image.new("RGB", (80, 60)).save(tmp_path / folder / f"{name}.jpg")
        (tmp_path / NAME).write_text(json.dumps(entries or [ENTRY, ENTRY | {"image_id": "a0"}]))
        return KeypointSet(DataSource(tmp_path, "train", **options), None)

    return write


@pytest.mark.parametrize("folder", ["keypoint_train_images_20170902", "images", "."])
def test_joints_and_boxes(write, tmp_path, folder):
    data = write(folder=folder)
    assert splits_of(tmp_path) == [("train", "ai_challenger")] and data.skeleton is AI_CHALLENGER_14
    assert data.image_ids.tolist() == [1, 2] and data.path(2).name == "b3f1c2.jpg" and data.size(2) == (80, 60)
    [person] = data.keypoints(2)
    assert person[:3].tolist() == [[30.5, 20.5, 2], [34.5, 30.5, 1], [0, 0, 0]] and person[3, 2] == 2
    assert np.allclose(data.annotations.boxes[:2], [[10, 8, 50, 47], [60, 10, 15, 30]])
    assert data.annotations.areas[0] == 50 * 47 and data.notes == ()


def test_a_person_without_joints_is_ignored(write):
    masks = write().masks(2)
    assert masks[20, 70, 2] == 255 and masks[20, 30, 2] == 0


@pytest.mark.parametrize(
    "change", [{"keypoint_annotations": None}, {"human_annotations": {}}, {"human_annotations": None}]
)
def test_persons_may_have_one_of_the_two(write, change):
    data = write(ENTRY | change)
    assert len(data.annotations) == (2 if "keypoint_annotations" in change else 1)
    if "human_annotations" in change:
        assert "annotations without a usable box; it is taken from outline or joints: 1" in data.notes[0]


def test_another_visibility_is_told(write):
    data = write(ENTRY | {"keypoint_annotations": {"human1": [*JOINTS[:2], 7, *JOINTS[3:]]}})
    assert data.keypoints(1)[0, 0, 2] == 0
    assert (
        "of another visibility than 1, 2, 3; these count as unlabelled: 1, first human1 of image b3f1c2"
        in data.notes[0]
    )


def test_the_file_may_be_named(write, tmp_path):
    write()
    source = DataSource(annotations=tmp_path / NAME, images=tmp_path / "keypoint_train_images_20170902")
    assert len(KeypointSet(source, AI_CHALLENGER_14)) == 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"image_id": "zz"}, "lists 1 photographs that are not in .* first 'zz.jpg'"),
        ({"image_id": 7}, "image_id 7 is no name of a photograph"),
        ({"keypoint_annotations": {"human1": [1, 2, 3]}}, "human1 of image b3f1c2 has 3 values .* instead of 42"),
        ({"keypoint_annotations": {"human1": "x"}}, "human1 of image b3f1c2 has no values"),
        ({"keypoint_annotations": [1]}, "image b3f1c2 has no persons by name"),
    ],
)
def test_what_is_wrong_is_one_line(write, entry, message):
    with pytest.raises(InputError, match=message):
        write(ENTRY | entry)


def test_a_photograph_may_stand_once(write):
    with pytest.raises(InputError, match="image_id 'b3f1c2' appears twice"):
        write(ENTRY, ENTRY)


def test_another_kind_of_json(write, tmp_path):
    write()
    for content, message in (("{}", "it is no list of photographs"), ("[", "is not JSON")):
        (tmp_path / NAME).write_text(content)
        with pytest.raises(InputError, match=message):
            KeypointSet(DataSource(tmp_path, "train"), None)
    with pytest.raises(InputError, match="holds no keypoint_val_annotations"):
        KeypointSet(DataSource(tmp_path, "val", format="ai_challenger"), None)


def test_another_skeleton_is_refused(write, tmp_path):
    write()
    with pytest.raises(InputError, match="joint 1 is 'right_shoulder' instead of 'nose'"):
        KeypointSet(DataSource(tmp_path, "train"), COCO_17)
