"""Any model by its name or path, and what it refuses."""

import numpy as np
import pytest

import distill
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.pose.skeleton import COCO_17
from distill.prediction.model import load_model
from distill.system.choice import Choice
from distill.system.errors import InputError


@pytest.fixture(scope="module")
def photographs(shared):
    return KeypointSet(DataSource(shared / "coco_mini"), COCO_17)


def test_five_lines_find_persons(photographs):
    persons = distill.load_model("people_xs")(photographs.photograph(int(photographs.image_ids[0])))
    assert all(person.keypoints.shape == (17, 3) and 0.15 <= person.score <= 1 for person in persons)
    assert [person.score for person in persons] == sorted((person.score for person in persons), reverse=True)


def test_it_finds_whom_evaluation_finds(photographs):
    ids = photographs.image_ids[:24].tolist()
    model = load_model("people_xs", confidence=0.0)
    found = {i: model(photographs.photograph(i)) for i in ids}
    predictions = {
        i: (np.array([p.keypoints for p in some]).reshape(-1, 17, 3), np.array([p.score for p in some]))
        for i, some in found.items()
    }
    assert evaluate(predictions, photographs, ids)["ap"] > 0.02


def test_fewer_of_higher_confidence(photographs):
    pictures = [photographs.photograph(i) for i in photographs.image_ids[:8].tolist()]
    many, few, one = (
        sum(len(some) for some in load_model("people_xs", **options).predict(pictures))
        for options in ({"confidence": 0.0}, {"confidence": 0.4}, {"confidence": 0.0, "max_persons": 1})
    )
    assert many > few > 0 and one <= 8


def test_a_teacher_is_a_model_too(photographs, shared):
    weights = shared / "peers" / "posenet_mobilenet_v1_075_481_641_16_quant_nodecoder.tflite"
    model = load_model(Choice("posenet", {"weights": weights}), confidence=0.03)
    assert sum(len(model(photographs.photograph(i))) for i in photographs.image_ids[:8].tolist()) > 2
    assert isinstance(load_model(Choice("demo"))(np.zeros((64, 64, 3), np.uint8)), list)


def test_another_input_size(photographs):
    picture = photographs.photograph(int(photographs.image_ids[0]))
    small, large = (load_model("people_xs", confidence=0, input_size=(side, side))(picture) for side in (128, 320))
    assert not small or not large or not np.array_equal(small[0].keypoints, large[0].keypoints)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("nobody", {}, r"nobody is no file and no name; .*people_l, people_xs.*posenet"),
        ("people_xs", {"confidence": 2}, "confidence must lie in 0..1"),
        ("people_xs", {"max_persons": 0}, "max_persons must be at least 1"),
        ("people_xs", {"device": "cuda:77"}, "device 'cuda:77' cannot be used"),
        ("oracle", {}, "oracle looks at no photograph"),
        ("demo", {"flip": True}, "flip and input_size are options of students"),
        (Choice("people_xs", {"size": 3}), {}, "people_xs takes no options"),
        (Choice("top_down", {"network": "x.onnx"}), {}, "x.onnx cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(model, options, message):
    with pytest.raises((InputError, ValueError), match=message) as refused:
        load_model(model, **options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), "picture.jpg"]
)
def test_what_is_no_photograph_is_refused(picture):
    with pytest.raises(InputError, match="must be an array"):
        load_model("attention_xs")(picture)
