"""YOLO-pose sets as Ultralytics, Roboflow and converters write them."""

import numpy as np
import pytest
import yaml
from PIL import Image

from distill.data.formats.registry import splits_of
from distill.data.keypoint_set import KeypointSet, open_data
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, get_skeleton
from distill.system.errors import InputError

THREE = ["left_hand", "right_hand", "top"]
SHEET = {
    "path": "/home/somebody/datasets/swimmers",
    "train": "images/train",
    "val": "images/val",
    "names": {0: "person"},
    "kpt_shape": [3, 3],
    "flip_idx": [1, 0, 2],
    "kpt_names": {0: THREE},
}
LINE = "0 0.5 0.5 0.4 0.8 0.3 0.25 2 0.7 0.25 1 0 0 0"


@pytest.fixture
def write(tmp_path):
    """Function that writes a set of one 40 x 20 photograph a split, with the given lines, and reads the split val."""

    def write(*lines, skeleton=None, split="val", labels="labels/val/7.txt", **changes):
        for name, number in (("train", 3), ("val", 7)):
            (tmp_path / "images" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 20)).save(tmp_path / "images" / name / f"{number}.jpg")
        (tmp_path / labels).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / labels).write_text("\n".join(lines))
        values = {name: value for name, value in (SHEET | changes).items() if value is not None}
        (tmp_path / "data.yaml").write_text(yaml.safe_dump(values))
        return KeypointSet(DataSource(tmp_path, split), skeleton)

    return write


def test_fractions_are_continuous_pixels(write):
    data = write(LINE)
    assert data.skeleton.joints == tuple(THREE) and data.skeleton.flip_pairs == (("left_hand", "right_hand"),)
    assert data.image_ids.tolist() == [7] and data.size(7) == (40, 20) and data.split == "val"
    assert np.allclose(data.keypoints(7), [[[12, 5, 2], [28, 5, 1], [0, 0, 0]]])
    assert np.allclose(data.annotations.boxes, [[12, 2, 16, 16]]) and np.allclose(data.annotations.areas, [256])
    assert data.notes == () and data.category == 1


def test_two_values_a_joint_are_visible_unless_both_are_zero(write):
    data = write("0 0.5 0.5 0.4 0.8 0.3 0.25 0.7 0.25 0 0", kpt_shape=[3, 2])
    assert data.keypoints(7)[0, :, 2].tolist() == [2, 2, 0]


def test_a_photograph_without_a_file_shows_nobody(write, tmp_path):
    Image.new("RGB", (40, 20)).save(tmp_path / "8.jpg")
    (tmp_path / "images" / "val").mkdir(parents=True)
    (tmp_path / "8.jpg").rename(tmp_path / "images" / "val" / "8.jpg")
    data = write(LINE)
    assert data.is_annotated(8) and not len(data.keypoints(8)) and not data.masks(8).any()


@pytest.mark.parametrize("value", ["../train/images", "train/images", ["train/images"], "list.txt"])
def test_splits_are_folders_wherever_they_lie_or_lists(write, tmp_path, value):
    """Roboflow's folders, named from beside the YAML that lies in the set."""
    (tmp_path / "train" / "images").mkdir(parents=True)
    Image.new("RGB", (30, 20)).save(tmp_path / "train" / "images" / "a_jpg.rf.1.jpg")
    (tmp_path / "list.txt").write_text("./train/images/a_jpg.rf.1.jpg\n")
    (tmp_path / "train" / "labels").mkdir()
    (tmp_path / "train" / "labels" / "a_jpg.rf.1.txt").write_text(LINE)
    data = write(LINE, train=value, split="train")
    assert data.image_ids.tolist() == [1] and data.size(1) == (30, 20) and len(data.keypoints(1)) == 1


def test_images_may_lie_elsewhere_and_the_yaml_be_named(write, tmp_path):
    write(LINE)
    (tmp_path / "images").rename(tmp_path / "pictures")
    (tmp_path / "pictures" / "val").rename(tmp_path / "labels" / "val" / "images")
    (tmp_path / "labels" / "val" / "labels").mkdir()
    (tmp_path / "labels" / "val" / "7.txt").rename(tmp_path / "labels" / "val" / "labels" / "7.txt")
    source = DataSource(annotations=tmp_path / "data.yaml", images=tmp_path / "labels" / "val" / "images")
    assert len(KeypointSet(source, None).keypoints(7)) == 1


def test_splits_are_those_that_are_there(write, tmp_path):
    write(LINE, test="images/test")
    assert splits_of(tmp_path) == [("train", "yolo_pose"), ("val", "yolo_pose")]
    with pytest.raises(InputError, match="has no split val2017; its splits are train, val"):
        KeypointSet(DataSource(tmp_path), None)


def test_joints_without_names(write):
    data = write(LINE, kpt_names=None)
    assert data.skeleton.joints == ("joint_1", "joint_2", "joint_3")
    assert data.skeleton.flip_pairs == (("joint_1", "joint_2"),)
    assert "joints have no names (kpt_names)" in data.notes[0]
    seventeen = "0 0.5 0.5 0.4 0.8 " + " ".join(["0.5 0.5 2"] * 17)
    changes = {"kpt_shape": [17, 3], "kpt_names": None, "flip_idx": COCO_17.flip_index.tolist()}
    assert write(seventeen, **changes).skeleton is COCO_17


def test_joints_without_names_are_those_of_the_skeleton(write, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("joints: [l_fin, r_fin, tail]")
    skeleton = get_skeleton(path)
    assert write(LINE, skeleton=skeleton, kpt_names=None).skeleton is skeleton
    with pytest.raises(InputError, match=r"has 3 joints .* and skeleton coco_17 has 17; give the skeleton of"):
        write(LINE, skeleton=COCO_17, kpt_names=None)
    with pytest.raises(InputError, match="flip_idx mirrors l_fin to tail, skeleton mine to r_fin; correct flip_idx"):
        write(LINE, skeleton=skeleton, kpt_names=None, flip_idx=[2, 1, 0])


def test_flip_idx_that_pairs_nothing_gives_way_to_names(write):
    data = write(LINE, flip_idx=[0, 1, 2])
    assert data.skeleton.flip_pairs == (("left_hand", "right_hand"),)
    assert "flip_idx pairs no joints; left and right are paired by their names" in data.notes[0]
    assert write(LINE, flip_idx=None).notes == ()


def test_other_classes_are_left_out(write):
    changes = {"names": ["dog", "person"], "kpt_names": {0: ["a", "b", "c"], 1: THREE}}
    data = write(LINE, LINE.replace("0 ", "1 ", 1), **changes)
    assert len(data.annotations) == 1 and data.category == 2
    assert "labels of other classes than person are left out: 1" in data.notes[0] and "7.txt line 1" in data.notes[0]


def test_boxes_alone_are_persons_whom_nobody_labelled(write):
    data = write(LINE, "0 0.2 0.2 0.1 0.1")
    assert len(data.annotations) == 2 and len(data.keypoints(7)) == 1 and data.masks(7)[..., 2].any()
    assert "boxes without joints are persons whom nobody labelled: 1" in data.notes[0]


def test_what_stands_twice_counts_once(write):
    data = write(LINE, LINE, "")
    assert len(data.keypoints(7)) == 1 and "lines that stand twice in a file are left out once: 1" in data.notes[0]


def test_joints_that_are_no_numbers_or_far_away_are_told_with_their_line(write):
    data = write("0 0.5 0.5 0.4 0.8 nan 0.25 2 0.7 0.25 2 5 5 2")
    assert data.keypoints(7)[0, :, 2].tolist() == [0, 2, 0]
    assert all("7.txt line 1" in line for line in data.notes) and len(data.notes) == 2


@pytest.mark.parametrize(
    ("lines", "changes", "message"),
    [
        (
            ["0 0.5 0.5 0.4 0.8 0.3"],
            {},
            r"7.txt line 1 holds 6 values, where .* of kpt_shape \[3, 3\] make 14; correct",
        ),
        (["person 0.5 0.5 0.4 0.8"], {}, "7.txt line 1 holds something else than numbers"),
        ([LINE, LINE.replace("0 ", "3 ", 1)], {}, "7.txt line 2 is of class 3, which names in"),
        (["0 20 10 16 16 12 5 2 28 5 1 0 0 0"], {}, "line 1 holds 20; YOLO's boxes are fractions"),
        ([LINE], {"kpt_shape": 3}, r"kpt_shape is 3; write \[number of joints, 2 or 3\]"),
        ([LINE], {"kpt_shape": [3, 4]}, r"kpt_shape is \[3, 4\]"),
        ([LINE], {"flip_idx": [1, 2, 0]}, "flip_idx is .* write for each of the 3 joints the number, from 0"),
        ([LINE], {"flip_idx": "no"}, "flip_idx is 'no'"),
        ([LINE], {"names": []}, "names is"),
        ([LINE], {"names": "person"}, "names is 'person'"),
        ([LINE], {"kpt_names": {0: ["a"]}}, "kpt_names of class 0 are no list of 3 names"),
        (
            [LINE],
            {"labels": "labels/elsewhere/7.txt"},
            "none of the 1 photographs has a label file; .*val/7.txt",
        ),
        ([LINE], {"skeleton": COCO_17}, "joint 1 is 'left_hand' instead of 'nose'"),
    ],
)
def test_what_is_wrong_is_one_line(write, lines, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        write(*lines, **changes)
    assert "\n" not in str(caught.value)


def test_broken_photographs_are_left_out_and_told(write, tmp_path):
    (tmp_path / "images" / "val").mkdir(parents=True)
    (tmp_path / "images" / "val" / "9.jpg").write_bytes(b"")
    data = write(LINE)
    assert data.image_ids.tolist() == [7] and "photographs that cannot be opened are left out: 1" in data.notes[0]


def test_a_changed_label_is_another_content(write):
    assert write(LINE).annotation_sha256 != write(LINE.replace("0.3 ", "0.31 ")).annotation_sha256


@pytest.mark.parametrize("content", ["kpt_shape: [3", "", "[1, 2]", "a: !!python/object:os.system {}"])
def test_other_yamls_are_none(tmp_path, content):
    (tmp_path / "data.yaml").write_text(content)
    assert splits_of(tmp_path) == []


def test_own_skeleton_by_auto(write, tmp_path):
    write(LINE)
    assert open_data(DataSource(tmp_path, "train", format="photographs"), "auto").skeleton is COCO_17
    assert open_data(DataSource(tmp_path, "val"), "auto").skeleton.name == "person_3"
