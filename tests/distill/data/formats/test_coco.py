"""COCO's own files: what is read of them, what is left out, and what is wrong with them."""

import json

import numpy as np
import pytest

from distill.data.formats import coco
from distill.data.keypoint_set import IGNORED, KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

PERSON = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}
DOG = {"id": 2, "name": "dog", "keypoints": [f"paw {k}" for k in range(17)]}
CAR = {"id": 3, "name": "car"}
IMAGE = {"id": 7, "file_name": "7.jpg", "width": 24, "height": 16}
NAN = float("nan")


@pytest.mark.parametrize("folder", ["train2017", "images/train2017"])
def test_both_folder_layouts(write, folder):
    assert write(folder=folder).photograph(7).shape == (16, 24, 3)


def test_annotations_may_come_in_any_order_and_of_images_that_are_not_listed(write):
    images = [{"id": i, "file_name": "7.jpg", "width": 24, "height": 16} for i in (9, 7, 8)]
    joints = [[x, 6, 2] + [0] * 48 for x in (1, 2, 3, 4)]
    owners = (9, 7, 5, 9)
    data = write(*({"image_id": i, "keypoints": k} for i, k in zip(owners, joints, strict=True)), images=images)
    assert data.image_ids.tolist() == [7, 8, 9]
    assert [data.keypoints(i)[:, 0, 0].tolist() for i in (7, 8, 9)] == [[2.5], [], [1.5, 4.5]]
    assert [bool(data.masks(i).any()) for i in (7, 8, 9)] == [True, False, True]


def test_missing_annotations(tmp_path):
    with pytest.raises(InputError, match=r"person_keypoints_val2017.json does not exist"):
        KeypointSet(DataSource(tmp_path, "val2017"), COCO_17)


def test_missing_photograph_folder(write, tmp_path):
    write()
    (tmp_path / "train2017").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="no photographs"):
        KeypointSet(DataSource(tmp_path, "train2017"), COCO_17)


@pytest.mark.parametrize(
    ("annotation", "changes", "message"),
    [
        ({}, {"categories": [{"id": 1, "name": "person"}]}, "no keypoints in its categories"),
        ({}, {"categories": [{"id": 1, "keypoints": ["nose"]}]}, "other joints than skeleton coco_17"),
        ({}, {"images": []}, "lists no images"),
        ({"keypoints": [1, 2, 2]}, {}, "annotation 1 has 3 values in keypoints instead of 51"),
        ({"keypoints": None}, {}, "annotation 1 has no usable field keypoints"),
        ({"bbox": [1, 2]}, {}, "2 values in bbox instead of 4"),
        ({"keypoints": ["left"] * 51}, {}, "holds something else than a number"),
        ({"bbox": [1, 2, None, [4]]}, {}, "holds something else than a number"),
        (
            {"keypoints": [NAN, 6, 2] + [0] * 48},
            {},
            "1 has something else than finite numbers in its keypoints",
        ),
        (
            {"keypoints": [None, 6, 2] + [0] * 48},
            {},
            "1 has something else than finite numbers in its keypoints",
        ),
        ({"keypoints": [5, 6, float("inf")] + [0] * 48}, {}, "something else than finite numbers in its keypoints"),
        ({"area": None}, {}, "annotation 1 has something else than finite numbers in its area"),
        ({"area": NAN}, {}, "annotation 1 has something else than finite numbers in its area"),
        ({"area": "large"}, {}, "annotation 1 holds something else than a number in area"),
        ({"bbox": [1, None, 3, 4]}, {}, "annotation 1 has something else than finite numbers in its box"),
        ({"bbox": None}, {}, "annotation 1 has no usable field bbox"),
        ({"iscrowd": "0"}, {}, "annotation 1 has iscrowd '0'; write the number 0 or 1"),
        ({"id": None}, {}, r"annotation None has no usable id \(None\)"),
        ({"image_id": 7.5}, {}, r"annotation 1 has no usable image_id \(7.5\)"),
        ({"image_id": 2**63}, {}, r"annotation 1 has no usable image_id .* whole number of 64 bits"),
        ({"category_id": "person"}, {}, r"annotation 1 has no usable category_id \('person'\)"),
        ({"category_id": None}, {"categories": [PERSON, DOG]}, r"annotation 1 has no usable category_id \(None\)"),
        (
            {"segmentation": {"size": [3, 3], "counts": [9]}},
            {},
            "has a segmentation of 3 x 3 on an image of 24 x 16",
        ),
        (
            {"segmentation": [[NAN, 1, 5, 5, 9, 9]]},
            {},
            "has a segmentation with a point that is no number",
        ),
        ({}, {"images": [{"id": 7, "width": 24, "height": 16}]}, "an image has no field file_name, that of id 7"),
        ({}, {"images": [IMAGE | {"width": None}]}, r"image 7 has no usable width \(None\)"),
        ({}, {"images": [IMAGE | {"width": -1}]}, "image 7 has a size of -1 x 16 pixels"),
        ({}, {"images": [IMAGE, IMAGE | {"file_name": "8.jpg"}]}, "lists two images with id 7"),
        ({}, {"images": [7]}, "images is no list of objects"),
        ({}, {"categories": [PERSON, PERSON | {"name": "dog"}]}, "two categories have the same id"),
        ({}, {"categories": [{"name": "person"}]}, r"a category has no usable id \(None\)"),
    ],
)
def test_annotations_of_the_wrong_kind(write, annotation, changes, message):
    with pytest.raises(InputError, match=message) as raised:
        write(annotation, **changes)
    assert "person_keypoints_train2017.json" in str(raised.value)


def test_no_json_at_all(write, tmp_path):
    write()
    (tmp_path / "annotations/person_keypoints_train2017.json").write_text('{"images": [')
    with pytest.raises(InputError, match="is not JSON"):
        KeypointSet(DataSource(tmp_path, "train2017"), COCO_17)


def test_one_broken_annotation_among_many_is_the_one_that_is_named(write):
    with pytest.raises(InputError, match=r"annotation 3 has .* its keypoints; correct it or remove it .1 of them"):
        write({}, {}, {"keypoints": [NAN, 6, 2] + [0] * 48}, {})


def test_a_dog_of_17_joints_and_a_car_are_no_persons(write, capsys):
    dog = {"category_id": 2, "keypoints": [3, 3, 2] * 17}
    car = {"category_id": 3, "keypoints": None, "bbox": [10, 2, 8, 10]}
    del car["keypoints"]
    data = write({}, dog, car, dog, categories=[DOG, PERSON, CAR])
    assert data.keypoints(7).shape == (1, 17, 3) and data.category == 1
    assert not data.masks(7)[:, 12:].any()
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith("note: ") and said.endswith("than 'person' are left out: 2 of 'dog', 1 of 'car'")
    KeypointSet(DataSource(data.source.root, "train2017"), COCO_17)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("keypoints", [None, []])
def test_a_category_without_joints_is_no_person_even_by_that_name(write, keypoints):
    categories = [{"id": 1, "name": "person", "keypoints": keypoints}, PERSON | {"id": 5, "name": "default"}]
    data = write({"category_id": 5}, {}, categories=categories)
    assert len(data.annotations) == 1 and data.category == 5


def test_categories_with_the_skeletons_joints_are_persons_unless_one_is_called_so(write, capsys):
    man, woman = PERSON | {"id": 4, "name": "man"}, PERSON | {"id": 5, "name": "woman"}
    data = write({"category_id": 4}, {"category_id": 5}, categories=[man, woman])
    assert len(data.keypoints(7)) == 2 and data.category == 4
    assert "4 (man), 5 (woman) count as persons; results name 4 for all" in capsys.readouterr().err
    dog = PERSON | {"id": 2, "name": "dog"}
    data = write({"category_id": 2}, {}, categories=[dog, PERSON])
    assert data.annotations.ids.tolist() == [2] and data.category == 1
    assert "1 of 'dog'" in capsys.readouterr().err


def test_an_annotation_of_an_unknown_category_is_left_out(write, capsys):
    assert len(write({"category_id": 9}, {}).annotations) == 1
    assert "1 of 'category 9, which the file does not describe'" in capsys.readouterr().err


def test_a_single_category_need_not_be_named(write):
    assert len(write({"category_id": None}).keypoints(7)) == 1


def test_annotations_of_images_that_are_not_listed_are_counted_in_a_note(write, capsys):
    write({"image_id": 5}, {}, {"image_id": 6})
    assert "2 annotations of images that it does not list are left out" in capsys.readouterr().err


def test_a_person_without_keypoints_is_one_whom_nobody_labelled(write, tmp_path):
    data = write({"keypoints": []})
    file = data.annotation_file
    document = json.loads(file.read_text())
    del document["annotations"][0]["keypoints"]
    file.write_text(json.dumps(document))
    for unlabelled in (data, KeypointSet(DataSource(tmp_path, "train2017"), COCO_17)):
        assert unlabelled.annotations.keypoints.shape == (1, 17, 3)
        assert not len(unlabelled.keypoints(7)) and unlabelled.masks(7)[..., IGNORED].any()


def test_area_is_the_files_own_and_that_of_the_box_where_it_is_missing(write):
    assert write({"area": 55.5}, {}).annotations.areas.tolist() == [55.5, 80.0]


def test_joints_that_nobody_labelled_are_known(write):
    labelled = np.array([[5, 6, 2], [0, 0, 0], [5, 6, 1]] + [[0, 0, 0]] * 14)
    crowd = {"iscrowd": 1, "keypoints": [1, 1, 2] * 17}
    data = write({"keypoints": labelled.ravel().tolist()}, crowd)
    assert data.joints_annotated.tolist() == (labelled[:, 2] > 0).tolist()
    assert not write().joints_annotated.any()


def test_ids_as_text_are_the_same_ids(write):
    images = [IMAGE | {"id": str(i)} for i in (10, 9)]
    data = write({"image_id": "10"}, {"image_id": 9}, images=images)
    assert data.image_ids.tolist() == [9, 10]
    assert [len(data.keypoints(i)) for i in (9, 10)] == [1, 1]
    large = [IMAGE | {"id": 2**62 + 1}, IMAGE | {"id": -5}]
    assert write({"image_id": -5}, images=large).image_ids.tolist() == [-5, 2**62 + 1]


def test_other_joints_say_where_they_differ_and_what_to_do(write):
    joints = list(COCO_17.joints)
    joints[3] = "left_ear_lobe"
    with pytest.raises(InputError, match=r"joint 4 is 'left_ear_lobe' instead of 'left_ear'; .*--skeleton auto.*YAML"):
        write(categories=[CAR, PERSON | {"keypoints": joints}])
    with pytest.raises(InputError, match="skeleton coco_17, joint 18 is 'tail' instead of nothing"):
        write(categories=[PERSON | {"keypoints": [*COCO_17.joints, "tail"]}])


def test_it_is_sniffed_by_its_annotation_file(write):
    root = write().root
    assert coco.Coco().sniffs(root, "train2017")
    assert not coco.Coco().sniffs(root, "val2017") and not coco.Coco().sniffs(root / "nowhere", "train2017")
