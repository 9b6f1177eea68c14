"""COCO's persons with feet: 23 joints."""

import json

import numpy as np
import pytest

from distill.data.formats.registry import splits_of
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, COCO_FOOT_23
from distill.system.errors import InputError

FEET = [3, 4, 2, 5, 6, 1, 0, 0, 0, 7, 8, 2, 0, 0, 0, 9, 9, 2]


@pytest.fixture
def root(tmp_path, shared):
    """Folder of two real photographs and their annotations, without a file of them yet, and these annotations."""
    document = json.loads((shared / "coco_mini" / "annotations" / "person_keypoints_val2017.json").read_text())
    labelled = [a for a in document["annotations"] if sum(a["keypoints"][2::3]) and not a["iscrowd"]]
    first, second = list(dict.fromkeys(a["image_id"] for a in labelled))[:2]
    document["images"] = [image for image in document["images"] if image["id"] in (first, second)]
    document["annotations"] = [a for a in labelled if a["image_id"] in (first, second)]
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").symlink_to(shared / "coco_mini" / "val2017")
    return tmp_path, document, first, second


def whole_body(document, first):
    """The document as COCO-WholeBody has it: feet of the persons of the first photograph, and faces of everybody."""
    for annotation in document["annotations"]:
        valid = annotation["image_id"] == first
        annotation |= {"foot_kpts": FEET if valid else [0] * 18, "foot_valid": valid}
        annotation |= {"face_kpts": [1.5, 2.5, 1] * 68, "face_valid": True, "lefthand_kpts": [0] * 63}
    return document


def save(root, name, document):
    (root / "annotations" / name).write_text(json.dumps(document))


def test_feet_stand_behind_the_bodys_joints(root):
    folder, document, first, second = root
    bodies = [a["keypoints"] for a in document["annotations"]]
    save(folder, "coco_wholebody_val_v1.0.json", whole_body(document, first))
    assert splits_of(folder) == [("val2017", "coco_wholebody")]
    data = KeypointSet(DataSource(folder), None)
    assert data.skeleton is COCO_FOOT_23
    body = np.array(bodies).reshape(-1, 17, 3)
    expected = (body + (0.5, 0.5, 0)) * (body[..., 2:] > 0)
    assert np.allclose(np.concatenate([data.keypoints(i)[:, :17] for i in data.image_ids]), expected)
    feet = np.array(FEET, dtype=float).reshape(6, 3)
    assert np.allclose(data.keypoints(first)[0, 17:], (feet + (0.5, 0.5, 0)) * (feet[:, 2:] > 0))
    assert not data.keypoints(second)[:, 17:].any()


def test_feet_are_not_annotated_where_nobody_has_any(root):
    folder, document, first, second = root
    save(folder, "coco_wholebody_val_v1.0.json", whole_body(document, first))
    data = KeypointSet(DataSource(folder), COCO_FOOT_23)
    assert data.joints_annotated(first)[17:].tolist() == [True, True, False, True, False, True]
    assert not data.joints_annotated(second)[17:].any() and data.joints_annotated(second)[:17].any()


@pytest.mark.parametrize("names", [COCO_17.joints, COCO_FOOT_23.joints])
def test_foot_annotations_have_23_joints_under_either_list_of_names(root, names):
    folder, document, first, _ = root
    for annotation in document["annotations"]:
        annotation["keypoints"] = annotation["keypoints"] + FEET
    document["categories"] = [{"id": 1, "name": "person", "keypoints": list(names)}]
    save(folder, "person_keypoints_val2017_foot_v1.json", document)
    data = KeypointSet(DataSource(folder), None)
    assert data.skeleton is COCO_FOOT_23 and data.keypoints(first)[0, 17, :2].tolist() == [3.5, 4.5]


def test_cocos_own_file_is_taken_unless_the_format_is_named(root):
    folder, document, first, _ = root
    save(folder, "person_keypoints_val2017.json", document)
    save(folder, "coco_wholebody_val_v1.0.json", whole_body(json.loads(json.dumps(document)), first))
    assert len(KeypointSet(DataSource(folder), None).skeleton) == 17
    assert len(KeypointSet(DataSource(folder, format="coco_wholebody"), None).skeleton) == 23


def test_a_file_may_be_named(root):
    folder, document, first, _ = root
    path = folder / "mine.json"
    path.write_text(json.dumps(whole_body(document, first)))
    assert len(KeypointSet(DataSource(annotations=path, images=folder / "val2017"), None).skeleton) == 23


def test_another_skeleton_is_refused(root):
    folder, document, first, _ = root
    save(folder, "coco_wholebody_val_v1.0.json", whole_body(document, first))
    with pytest.raises(InputError, match="joint 18 is 'left_big_toe' instead of nothing"):
        KeypointSet(DataSource(folder, format="coco_wholebody"), COCO_17)


@pytest.mark.parametrize("image_id", [[7], {}, None, "seven"])
def test_an_image_id_of_another_kind_is_one_line(root, image_id):
    folder, document, first, _ = root
    whole_body(document, first)["annotations"][0]["image_id"] = image_id
    save(folder, "coco_wholebody_val_v1.0.json", document)
    with pytest.raises(InputError, match="has no usable image_id"):
        KeypointSet(DataSource(folder), None)


@pytest.mark.parametrize("content", ["[]", "{}", '{"images": 3}', "null", "{"])
def test_what_is_no_such_document_is_one_line(root, content):
    folder, *_ = root
    (folder / "annotations" / "coco_wholebody_val_v1.0.json").write_text(content)
    with pytest.raises(InputError, match=r"coco_wholebody_val_v1\.0\.json"):
        KeypointSet(DataSource(folder), None)


def test_a_missing_split_is_one_line(root):
    folder, *_ = root
    with pytest.raises(InputError, match=r"holds no coco_wholebody_train_v1\.0\.json or"):
        KeypointSet(DataSource(folder, "train2017", format="coco_wholebody"), None)
