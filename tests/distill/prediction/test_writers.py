"""What is written can be read back: by pycocotools, by the reader of YOLO-pose sets, by numpy, csv and PyAV."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.pose.skeleton import COCO_17
from distill.prediction.model import Person
from distill.prediction.sources import PHOTOGRAPHS
from distill.prediction.writers import WRITERS, Seen, annotated


@pytest.fixture
def seen(person):
    """Two frames, the second with two persons, and one without anybody."""
    one, two = person(track=1), replace(person(x=300, track=2), score=0.5)
    found = ([one], [two, one], [])
    return [Seen(n, n / 10, "clip", (640, 480), some) for n, some in enumerate(found)]


def test_coco_results_are_the_persons(tmp_path, seen):
    results = json.loads(WRITERS["coco"](tmp_path, "clip", seen, COCO_17).read_text())
    assert [result["image_id"] for result in results] == [0, 1, 1]
    assert [result["track_id"] for result in results] == [1, 2, 1]
    found = np.reshape(results[1]["keypoints"], (-1, 3))
    np.testing.assert_allclose(found[:, :2] + 0.5, seen[1].persons[0].keypoints[:, :2], atol=1e-3)


def test_results_of_a_sets_photographs_measure_as_themselves(tmp_path, shared):
    """Image ids are those of the set: a perfect model has AP 1 by its file."""
    data = KeypointSet(DataSource(shared / "coco_mini"), COCO_17)
    frames = []
    for number, image_id in enumerate(reversed(data.image_ids.tolist())):
        persons = [Person(each * (1, 1, 0.5), 1.0) for each in data.keypoints(image_id)]
        frames.append(Seen(number, 0.0, str(data.path(image_id)), data.size(image_id), persons))
    results = json.loads(WRITERS["coco"](tmp_path, PHOTOGRAPHS, frames, COCO_17).read_text())
    predictions = {}
    for result in results:
        joints = np.reshape(result["keypoints"], (-1, 3)) + (0.5, 0.5, 0)
        persons, scores = predictions.get(result["image_id"], (np.zeros((0, 17, 3)), np.zeros(0)))
        predictions[result["image_id"]] = np.concatenate([persons, joints[None]]), np.append(scores, result["score"])
    assert evaluate(predictions, data)["ap"] == pytest.approx(1)


def test_csv_has_a_row_a_joint(tmp_path, seen):
    with WRITERS["csv"](tmp_path, "clip", seen, COCO_17).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 17
    assert rows[17] | {"x": 0, "y": 0} == {
        **{"frame": "1", "time": "0.1000", "file": "clip", "person": "0", "track": "2", "score": "0.5000"},
        **{"joint": "nose", "x": 0, "y": 0, "confidence": "0.8000"},
    }


def test_yolo_labels_are_a_set_that_is_read_back(tmp_path, person):
    names = ("one.jpg", "two.jpg")
    found = ([person(x=200, y=200)], [])
    frames = [Seen(n, 0.0, name, (640, 480), some) for n, (name, some) in enumerate(zip(names, found, strict=True))]
    labels = WRITERS["yolo"](tmp_path, PHOTOGRAPHS, frames, COCO_17)
    root = tmp_path / "set"
    (root / "images" / "train").mkdir(parents=True)
    (root / "labels" / "train").mkdir(parents=True)
    for name in names:
        Image.fromarray(np.zeros((480, 640, 3), np.uint8)).save(root / "images" / "train" / name)
        label = Path(name).with_suffix(".txt").name
        (root / "labels" / "train" / label).write_text((labels / label).read_text())
    sheet = {"train": "images/train", "names": ["person"], "kpt_shape": [17, 3]}
    (root / "data.yaml").write_text(json.dumps(sheet | {"flip_idx": COCO_17.flip_index.tolist()}))
    data = KeypointSet(DataSource(root, "train"), COCO_17)
    by_name = {data.path(i).name: data.keypoints(i) for i in data.image_ids.tolist()}
    np.testing.assert_allclose(by_name["one.jpg"][0, :, :2], found[0][0].keypoints[:, :2], atol=1e-3)
    assert not len(by_name["two.jpg"])


def test_numpy_holds_everything(tmp_path, seen):
    content = np.load(WRITERS["numpy"](tmp_path, "clip", seen, COCO_17), allow_pickle=False)
    assert content["frame"].tolist() == [0, 1, 1] and content["track"].tolist() == [1, 2, 1]
    np.testing.assert_array_equal(content["keypoints"][1], seen[1].persons[0].keypoints)
    assert content["joints"].tolist() == list(COCO_17.joints)


@pytest.mark.parametrize("name", WRITERS)
def test_nobody_is_written_too(tmp_path, name):
    assert WRITERS[name](tmp_path, "clip", [Seen(0, 0.0, "clip", (64, 48), [])], COCO_17).exists()
    assert WRITERS[name](tmp_path, "none", [], COCO_17).parent.exists()


def test_a_track_keeps_its_colour_and_shows_its_number(person):
    picture = np.zeros((480, 640, 3), np.uint8)
    one = annotated(picture, [person(x=200, y=240, track=2)], COCO_17)
    both = annotated(picture, [person(x=500, y=240, track=1), person(x=200, y=240, track=2)], COCO_17)
    np.testing.assert_array_equal(one[:, :320], both[:, :320])
    plain = annotated(picture, [person(x=200, y=240)], COCO_17)
    assert (one != plain).any() and not picture.any()
