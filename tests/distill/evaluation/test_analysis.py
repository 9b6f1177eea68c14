"""Figures beside AP, what oracles give, models side by side, and all of it together."""

import json

import numpy as np
import pytest
import torch

from distill.evaluation.analysis import CROWDING, KINDS, SIZES, analyse
from distill.evaluation.coco import evaluate
from distill.evaluation.comparison import compare
from distill.evaluation.correction import Correction
from distill.evaluation.figures import calibration, counts_by_score, joint_figures, precision_recall, telling_score
from distill.evaluation.oracles import true_boxes, true_grouping
from distill.evaluation.predictor import Predictor
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

NOSE, LEFT_WRIST, RIGHT_WRIST = (COCO_17.joints.index(name) for name in ("nose", "left_wrist", "right_wrist"))


def found(person: np.ndarray) -> np.ndarray:
    return np.concatenate([person[:, :2], np.ones((17, 1))], axis=1)


def test_joint_figures_are_those_of_each_joint_alone(people, person):
    data = people({1: [person()], 2: [person()]})
    one = found(person())
    one[NOSE, 0] += 15  # of the box's longer side of 100 pixels
    one[[LEFT_WRIST, RIGHT_WRIST]] = one[[RIGHT_WRIST, LEFT_WRIST]]
    figures = joint_figures(Correction({1: (one[None], np.ones(1))}, data))
    assert figures["nose"] == {"ap": 0, "pck_0.1": 0, "pck_0.2": 0.5, "other_side": 0}
    assert figures["left_eye"]["ap"] == pytest.approx(51 / 101) and figures["left_eye"]["pck_0.1"] == 0.5
    assert figures["left_wrist"]["other_side"] == figures["right_wrist"]["other_side"] == 1


def test_joints_that_nobody_labelled_have_no_figures(people, person):
    one = person()
    one[NOSE, 2] = 0
    figures = joint_figures(Correction({1: (found(person())[None], np.ones(1))}, people({1: [one]})))
    assert figures["nose"] == {"ap": None, "pck_0.1": None, "pck_0.2": None, "other_side": None}


def test_precision_recall_has_the_ap_under_it(people, person):
    data = people({1: [person()], 2: [person()]})
    predictions = {1: (found(person())[None], np.ones(1))}
    curves = precision_recall(predictions, data)
    assert curves["0.50"] == [1.0] * 51 + [0.0] * 50
    assert np.mean(curves["mean"]) == pytest.approx(evaluate(predictions, data)["ap"])


def test_calibration_counts_background_as_worth_nothing(people, person):
    data = people({1: [person()], 2: [person()]})
    predictions = {
        1: (np.stack([found(person()), found(person(20, 300))]), np.array([0.95, 0.95])),
        2: (found(person())[None], np.array([0.25])),
    }
    table = calibration(Correction(predictions, data))
    assert table["bins"] == [
        {"score": 0.25, "oks": pytest.approx(1), "right": 1, "persons": 1},
        {"score": 0.95, "oks": pytest.approx(0.5), "right": 0.5, "persons": 2},
    ]
    assert table["error"] == pytest.approx((0.75 + 2 * 0.45) / 3)
    assert calibration(Correction({}, data)) == {"bins": [], "error": None}


def test_counts_by_score_and_the_score_that_tells_most(people, person):
    data = people({1: [person()], 2: [person()]})
    predictions = {
        1: (np.stack([found(person()), found(person(20, 300))]), np.array([0.6, 0.1])),
        2: (found(person())[None], np.array([0.4])),
    }
    counts = counts_by_score(predictions, data)
    at = {score: round(score * 126) for score in (0, 0.2, 0.5, 0.9)}
    assert [int(counts["tp"][at[score]]) for score in at] == [2, 2, 1, 0]
    assert [int(counts["fp"][at[score]]) for score in at] == [1, 0, 0, 0]
    assert [int(counts["fn"][at[score]]) for score in at] == [0, 0, 1, 2]
    assert counts["precision"][0] == pytest.approx(2 / 3) and counts["recall"][at[0.5]] == 0.5
    assert 0.1 < telling_score(predictions, data) <= 0.4
    assert telling_score({}, data) == 0


def test_analysis_says_where_errors_are_and_who_is_worst(people, person):
    data = people({1: [person(), person(120, 120)], 2: [person()]})
    wrong = found(person())
    wrong[NOSE, 2] = 0
    predictions = {1: (wrong[None], np.ones(1)), 2: (found(person())[None], np.ones(1))}
    analysis = analyse(predictions, data)
    assert json.loads(json.dumps(analysis)) == analysis
    assert analysis["persons"] | {"found": 2, "annotated": 3, "matched": 2, "not_found": 1} == analysis["persons"]
    assert analysis["joints"] == {**dict.fromkeys(KINDS, 0), "good": 33, "miss": 1}
    assert analysis["where"]["joint"]["nose"] == {**dict.fromkeys(KINDS, 0), "good": 1, "miss": 1}
    assert tuple(analysis["where"]["size"]) == SIZES and tuple(analysis["where"]["crowding"]) == CROWDING
    assert analysis["where"]["size"]["large"]["persons"] == 3
    assert analysis["where"]["crowding"]["one or two beside"]["not_found"] == 1
    assert list(analysis["oks"].values()) == pytest.approx([16 / 17, 0, 1], abs=1e-4)
    assert analysis["oracles"].keys() == {"joint_classes", "scores"}
    worst = analysis["worst"]
    assert [w["oks"] for w in worst] == pytest.approx([0, 16 / 17, 1], abs=1e-4)
    assert worst[0]["found"] is None and worst[1]["errors"] == {"nose": "miss"}


def test_nobody_to_measure_against_is_told(people):
    with pytest.raises(InputError, match="nobody has a labelled joint"):
        analyse({}, people({1: []}))


def test_a_difference_is_of_equal_draws(people, person):
    """Two models that err on the same photographs differ by nothing, in every draw."""
    data = people({number: [person()] for number in range(1, 9)})
    half = {number: (found(person())[None], np.ones(1)) for number in range(1, 5)}
    table = compare({"one": half, "same": dict(half), "none": {}}, data, samples=50)
    assert table["one"]["ap"] == pytest.approx(0.505, abs=1e-3) and "difference" not in table["one"]
    assert table["same"]["difference"] == 0 and table["same"]["difference_interval"] == (0, 0)
    low, high = table["one"]["interval"]
    assert low < table["one"]["ap"] < high
    assert table["none"]["difference_interval"] == pytest.approx((-high, -low))


def peaked(people):
    """A predictor whose maps have a peak at each joint of `people`, and the tag of the other one at every second."""
    size = 100

    def forward(images: np.ndarray) -> dict[str, torch.Tensor]:
        maps, tags = torch.zeros(2, len(images), 17, size, size)
        for number, person in enumerate(people):
            for joint, (x, y, _) in enumerate(person):
                maps[:, joint, int(y / 4), int(x / 4)] = 1
                tags[:, joint, int(y / 4), int(x / 4)] = 10 * ((number + joint) % 2)
        return {"heatmaps_s4": maps, "tags_s4": tags}

    return Predictor(forward, (400, 400), COCO_17, GroupingConfig())


def test_true_grouping_tells_persons_apart_that_the_tags_mix_up(people, person):
    pair = [person(), person(203, 250)]
    pair[1][:, :2] = pair[1][::-1, :2]
    data = people({1: pair})
    predictor = peaked(pair)
    persons, scores = true_grouping(predictor, data)[1]
    assert persons.shape == (2, 17, 3) and scores == pytest.approx([1, 1])
    for one, truth in zip(persons, data.keypoints(1), strict=True):
        assert np.abs(one[:, :2] - truth[:, :2]).max() <= 2.1
    own = predictor([data.photograph(1)])[0]
    assert evaluate({1: (persons, scores)}, data)["ap"] > evaluate({1: own}, data)["ap"]


def test_true_boxes_are_looked_at_one_by_one(people, person):
    """A model that says the same of every picture: its best person lands in each box, at the box's scale."""
    data = people({1: [person(50, 50), person(200, 250)]})
    seen = []

    def predictor(photographs):
        seen.extend(photographs)
        persons = np.ones((2, 17, 3), np.float32)
        persons[1, 3] = 0
        return [(persons, np.array([0.2, 0.7]))] * len(photographs)

    persons, scores = true_boxes(predictor, data, batch_size=1)[1]
    assert [pixels.shape for pixels in seen] == [(112 + 1, 150, 3)] * 2 and scores.tolist() == [0.7, 0.7]
    assert persons[:, 0, :2] == pytest.approx(np.array([[26, 32], [176, 232]]), abs=1)
    assert (persons[:, 3] == 0).all()
