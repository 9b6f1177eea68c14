"""What is read of COCO's files, what is repaired or left out, and what is wrong with them."""

import json

import numpy as np
import pytest

from distill.data.keypoint_set import IGNORED, UNKNOWN, KeypointSet
from distill.data.keypoint_set import PERSON as PERSON_MASK
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

PERSON = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}
DOG = {"id": 2, "name": "dog", "keypoints": [f"paw {k}" for k in range(17)]}
CAR = {"id": 3, "name": "car"}
IMAGE = {"id": 7, "file_name": "7.jpg", "width": 24, "height": 16}
NAN = float("nan")


def test_annotations_may_come_in_any_order_and_of_images_that_are_not_listed(write):
    images = [{"id": i, "file_name": "7.jpg", "width": 24, "height": 16} for i in (9, 7, 8)]
    joints = [[x, 6, 2] + [0] * 48 for x in (1, 2, 3, 4)]
    owners = (9, 7, 5, 9)
    data = write(*({"image_id": i, "keypoints": k} for i, k in zip(owners, joints, strict=True)), images=images)
    assert data.image_ids.tolist() == [7, 8, 9]
    assert [data.keypoints(i)[:, 0, 0].tolist() for i in (7, 8, 9)] == [[2.5], [], [1.5, 4.5]]
    assert [bool(data.masks(i).any()) for i in (7, 8, 9)] == [True, False, True]


@pytest.mark.parametrize(
    ("annotation", "changes", "message"),
    [
        ({"keypoints": [1, 2, 2]}, {"categories": [{"id": 1, "name": "person"}]}, "names no joints in its categories"),
        ({}, {"categories": [{"id": 1, "keypoints": ["nose"]}]}, "other joints than skeleton coco_17"),
        ({}, {"images": []}, "lists no images"),
        ({"keypoints": [1, 2, 2]}, {}, "keypoints of annotation 1 hold 3 values instead of 51; give x, y, visibility"),
        ({"keypoints": [[1, 2, 2]] * 16}, {}, "keypoints of annotation 1 hold 48 values instead of 51"),
        ({"keypoints": "5 6 2"}, {}, "keypoints of annotation 1 are '5 6 2'; give a list"),
        ({"iscrowd": "perhaps"}, {}, "iscrowd of annotation 1 is 'perhaps'; write the number 0 or 1"),
        ({"iscrowd": 2}, {}, "iscrowd of annotation 1 is 2; write the number 0 or 1"),
        ({"image_id": 7.5}, {}, r"annotation 1 has no usable image_id \(7.5\)"),
        ({"image_id": None}, {}, r"annotation 1 has no usable image_id \(None\)"),
        ({"image_id": 2**63}, {}, r"annotation 1 has no usable image_id .* whole number of 64 bits"),
        ({"category_id": "person"}, {}, r"annotation 1 has no usable category_id \('person'\)"),
        ({"category_id": None}, {"categories": [PERSON, DOG]}, r"annotation 1 has no usable category_id \(None\)"),
        (
            {},
            {"images": [{"id": 7, "width": 24, "height": 16}]},
            r"an image has no usable file_name \(None\), that of id",
        ),
        ({}, {"images": [IMAGE | {"file_name": ".."}]}, r"an image has no usable file_name \('..'\)"),
        ({}, {"images": [IMAGE | {"file_name": "8.jpg"}]}, "lists 1 photographs that are not in .* first '8.jpg'"),
        ({}, {"images": [IMAGE | {"width": 48}]}, "is 24 x 16 pixels, but .* says 48 x 16"),
        ({}, {"images": [IMAGE, IMAGE | {"file_name": "8.jpg"}]}, "lists two images with id 7, 7.jpg and 8.jpg"),
        ({}, {"images": [7]}, "images is no list of objects"),
        ({}, {"images": None}, "lists no images"),
        ({}, {"annotations": {"1": {}}}, "annotations is no list of objects"),
        ({}, {"categories": [PERSON, PERSON | {"name": "dog"}]}, "two categories have the same id"),
        ({}, {"categories": [{"name": "person"}]}, r"a category has no usable id \(None\)"),
        ({}, {"annotated_joints": [["nose"]], "images": [IMAGE | {"annotated_joints": 1}]}, "annotated_joints 1; give"),
        ({}, {"annotated_joints": "nose"}, "annotated_joints must be a list of lists"),
    ],
)
def test_annotations_of_the_wrong_kind(write, annotation, changes, message):
    with pytest.raises(InputError, match=message) as raised:
        write(annotation, **changes)
    assert "person_keypoints_train2017.json" in str(raised.value)


@pytest.mark.parametrize(
    ("annotation", "note"),
    [
        ({"keypoints": ["left"] * 51}, "persons with joints that are no numbers; these count as unlabelled: 1"),
        ({"keypoints": [NAN, 6, 2] + [0] * 48}, "joints that are no numbers"),
        ({"keypoints": [None, 6, 2] + [0] * 48}, "joints that are no numbers"),
        ({"keypoints": [5, 6, float("inf")] + [0] * 48}, "joints that are no numbers"),
        ({"keypoints": [5, 6, 3] + [0] * 48}, "joints of another visibility than 0, 1, 2"),
        ({"keypoints": [5, 6, 0.93] + [0] * 48}, "joints of another visibility than 0, 1, 2"),
        ({"keypoints": [0, 0, 1] + [0] * 48}, "joints at the origin"),
        ({"keypoints": [5000, 6, 2] + [0] * 48}, "joints further outside their photograph than it is large"),
        ({"area": None}, "without a usable area"),
        ({"area": NAN}, "without a usable area"),
        ({"area": "large"}, "without a usable area"),
        ({"area": 0}, "without a usable area"),
        ({"area": 1}, "without a usable area"),
        ({"area": 384}, "without a usable area"),
        ({"area": -80}, "without a usable area"),
        ({"area": 80, "bbox": None}, "without a usable box"),
        ({"area": 80, "bbox": [1, 2]}, "without a usable box"),
        ({"area": 80, "bbox": [1, 2, None, [4]]}, "without a usable box"),
        ({"area": 80, "bbox": [2, 2, 0, 10]}, "without a usable box"),
        ({"area": 80, "bbox": [2, 2, -8, 10]}, "without a usable box"),
        ({"area": 80, "bbox": [30, 2, 8, 10]}, "without a usable box"),
        ({"area": 80, "id": None}, "without a whole number as id; they are numbered: 1, first of image 7"),
        ({"area": 80, "id": "a3f"}, "without a whole number as id"),
        ({"area": 80, "segmentation": {"size": [3, 3], "counts": [9]}}, "outlines of another size than its image"),
        ({"area": 80, "segmentation": [[NAN, 1, 5, 5, 9, 9]]}, "outlines with a point that is no number"),
        ({"area": 80, "segmentation": [[1, 1, 5, 5, 9, 9, 3]]}, "outlines with an odd number of coordinates"),
    ],
)
def test_what_can_be_repaired_is_told(write, annotation, note):
    data = write(annotation)
    [said] = [line for line in data.notes if note in line]
    assert str(data.annotation_file) in said and "1, first " in said
    annotations = data.annotations
    assert all(np.isfinite(getattr(annotations, name)).all() for name in ("keypoints", "boxes", "areas"))
    assert (annotations.boxes[:, 2:] > 0).all() and (annotations.areas > 0).all()


def test_the_first_of_many_is_named(write):
    data = write(
        {"area": 80},
        {"area": 80, "keypoints": [1, 6, 2] + [0] * 48},
        *[{"area": 80, "keypoints": [NAN, 6, 2, y, 6, 2] + [0] * 45} for y in (7, 8)],
    )
    [said] = data.notes
    assert said.endswith("these count as unlabelled: 2, first annotation 3 of image 7")


@pytest.mark.parametrize("value", [None, False, "0", "false", "", 0.0])
def test_no_crowd(write, value):
    assert not write({"iscrowd": value}).annotations.is_crowd.any()


@pytest.mark.parametrize("value", [True, "1", "True", 1.0])
def test_a_crowd(write, value):
    assert write({"iscrowd": value}).annotations.is_crowd.all()


def test_joints_may_stand_in_lists_of_their_own_and_as_text(write):
    flat = write({}).keypoints(7)
    assert (write({"keypoints": [[5, 6, 2]] + [[0, 0, 0]] * 16}).keypoints(7) == flat).all()
    assert (write({"keypoints": ["5", "6", "2"] + ["0"] * 48}).keypoints(7) == flat).all()


@pytest.mark.parametrize("size", [{"width": None}, {"width": -1, "height": -1}, {"height": "tall"}, {"width": 24.5}])
def test_sizes_of_no_use_are_those_of_the_photographs(write, size):
    data = write({"area": 80}, images=[IMAGE | size])
    assert data.size(7) == (24, 16) and "images without width and height" in data.notes[0]


def test_sizes_may_be_text(write):
    assert write({"area": 80}, images=[IMAGE | {"width": "24", "height": 16.0}]).notes == ()


def test_unnamed_joints_are_those_of_the_skeleton_that_is_asked_for(write):
    data = write({"area": 80}, categories=[{"id": 1, "name": "person"}])
    assert len(data.keypoints(7)) == 1 and "taken for those of coco_17" in data.notes[0]


@pytest.mark.parametrize("change", [{"annotations": []}, {"annotations": None, "categories": None}])
def test_a_set_may_be_without_annotations(write, change):
    data = write(**change)
    assert not data.is_annotated(7) and not data.joints_annotated(7).any() and not len(data.keypoints(7))
    assert (data.masks(7)[..., [UNKNOWN, IGNORED]] == 255).all() and not data.masks(7)[..., PERSON_MASK].any()
    assert "nobody is annotated" in data.notes[0]


def test_joints_may_be_annotated_in_some_photographs_only(write, tmp_path):
    images = [IMAGE | {"id": number, "annotated_joints": number - 7} for number in (7, 8, 9)] + [IMAGE | {"id": 10}]
    lists = [["nose", "left_eye"], [], ["nose"]]
    data = write({"keypoints": [5, 6, 2, 6, 5, 2] + [0] * 45}, images=images, annotated_joints=lists)
    assert [int(data.joints_annotated(i).sum()) for i in (7, 8, 9, 10)] == [2, 0, 1, 2]
    assert [data.is_annotated(i) for i in (7, 8, 9, 10)] == [True, False, True, True]
    assert data.masks(8)[..., IGNORED].all() and not data.masks(9)[..., IGNORED].any()


def test_a_dog_of_17_joints_and_a_car_are_no_persons(write, capsys):
    dog = {"category_id": 2, "keypoints": [3, 3, 2] * 17}
    car = {"category_id": 3, "keypoints": None, "bbox": [10, 2, 8, 10]}
    del car["keypoints"]
    data = write({"area": 80}, dog, car, dog, categories=[DOG, PERSON, CAR])
    assert data.keypoints(7).shape == (1, 17, 3) and data.category == 1
    assert not data.masks(7)[:, 12:].any()
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith("note: ") and said.endswith(
        "than 'person' are left out (2 of 'dog', 1 of 'car'): 3, first annotation 2"
    )
    KeypointSet(DataSource(data.source.root, "train2017"), COCO_17)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("keypoints", [None, []])
def test_a_category_without_joints_is_no_person_even_by_that_name(write, keypoints):
    categories = [{"id": 1, "name": "person", "keypoints": keypoints}, PERSON | {"id": 5, "name": "default"}]
    data = write({"category_id": 5}, {}, categories=categories)
    assert len(data.annotations) == 1 and data.category == 5


def test_categories_with_the_skeletons_joints_are_persons_unless_one_is_called_so(write, capsys):
    man, woman = PERSON | {"id": 4, "name": "man"}, PERSON | {"id": 5, "name": "woman"}
    data = write({"category_id": 4}, {"category_id": 5, "bbox": [2, 2, 9, 9]}, categories=[man, woman])
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


def test_annotations_of_images_that_are_not_listed_are_counted_in_a_note(write):
    line = write({"image_id": 5}, {}, {"image_id": 6}).notes[0]
    assert line.endswith("annotations of images that it does not list are left out: 2, first of image 5")


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
    assert write({"area": 55.5}, {"bbox": [2, 2, 9, 9]}).annotations.areas.tolist() == [55.5, 81.0]


def test_joints_that_nobody_labelled_are_known(write):
    labelled = np.array([[5, 6, 2], [0, 0, 0], [5, 6, 1]] + [[0, 0, 0]] * 14)
    crowd = {"iscrowd": 1, "keypoints": [1, 1, 2] * 17}
    data = write({"keypoints": labelled.ravel().tolist()}, crowd)
    assert data.joints_annotated(7).tolist() == (labelled[:, 2] > 0).tolist()
    assert not write(crowd).joints_annotated(7).any()


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


def test_who_is_annotated_twice_counts_once(write):
    data = write({"area": 80}, {"area": 80}, {"area": 80, "bbox": [2, 2, 9, 9]}, {"area": 80, "iscrowd": 1})
    assert len(data.keypoints(7)) == 2 and len(data.annotations) == 3
    assert "annotated twice in the same words are left out once: 1, first annotation 2 of image 7" in data.notes[0]


def test_annotations_have_ids_of_their_own(write):
    annotations = [{"id": 1, "area": 80, "bbox": [x, 2, 9, 9]} for x in (1, 2, 3)]
    data = write(*annotations, {"id": 2, "area": 80, "bbox": [4, 2, 9, 9]})
    assert data.annotations.ids.tolist() == [1, 3, 4, 2]
    assert "with the id of another; they are numbered anew: 2, first of image 7" in data.notes[0]


def test_a_photograph_under_two_ids_is_told(write):
    data = write({"area": 80}, images=[{"id": i, "file_name": "7.jpg", "width": 24, "height": 16} for i in (7, 8)])
    assert "photographs listed under several ids count as several" in data.notes[0]
    assert len(data.keypoints(7)) == 1 and not len(data.keypoints(8))
