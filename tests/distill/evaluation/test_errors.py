"""Errors by kind, and AP without them, on persons whose errors are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.coco import evaluate
from distill.evaluation.correction import CORRECTIONS, Correction, ap_by_correction
from distill.evaluation.errors import JOINT_ERRORS, Truth, corrected, joint_errors
from distill.evaluation.matching import match_persons
from distill.evaluation.similarity import joint_similarity, person_similarity, radius_of
from distill.pose.skeleton import COCO_17

AREA = 1e4
SIGMAS = np.array(COCO_17.sigmas)
NOSE, LEFT_WRIST, RIGHT_WRIST = (COCO_17.joints.index(name) for name in ("nose", "left_wrist", "right_wrist"))


def truth_of(person, *others) -> Truth:
    return Truth(person, AREA, np.reshape(others, (-1, 17, 3)), np.full(len(others), AREA))


def found(person: np.ndarray) -> np.ndarray:
    """A person found exactly where it is."""
    return np.concatenate([person[:, :2], np.ones((17, 1))], axis=1)


def at_similarity(person: np.ndarray, joint: int, similarity: float) -> np.ndarray:
    """Found, but that joint so far up that it has that similarity."""
    wrong = found(person)
    wrong[joint, 1] -= radius_of(similarity, AREA, SIGMAS[joint])
    return wrong


def kind_of(wrong: np.ndarray, joint: int, truth: Truth) -> str:
    return joint_errors(wrong, truth, COCO_17).kinds[joint]


@pytest.mark.parametrize(
    ("similarity", "kind"), [(1.0, "good"), (0.86, "good"), (0.84, "jitter"), (0.51, "jitter"), (0.49, "miss")]
)
def test_kind_by_distance(person, similarity, kind):
    assert kind_of(at_similarity(person(), NOSE, similarity), NOSE, truth_of(person())) == kind


def test_a_joint_at_its_twins_place_is_inverted_and_at_somebody_elses_swapped(person):
    one, other = person(), person(200, 250)
    wrong = found(one)
    wrong[LEFT_WRIST, :2] = one[RIGHT_WRIST, :2]
    wrong[RIGHT_WRIST, :2] = other[LEFT_WRIST, :2]
    wrong[NOSE, :2] = other[NOSE, :2]
    kinds = joint_errors(wrong, truth_of(one, other), COCO_17).kinds
    assert (kinds[LEFT_WRIST], kinds[RIGHT_WRIST], kinds[NOSE]) == ("inversion", "swap", "swap")
    assert (np.delete(kinds, [LEFT_WRIST, RIGHT_WRIST, NOSE]) == "good").all()


def test_a_joint_at_another_joint_that_is_no_twin_is_a_miss(person):
    wrong = found(person())
    wrong[NOSE, :2] = person()[LEFT_WRIST, :2]
    assert kind_of(wrong, NOSE, truth_of(person())) == "miss"


def test_a_joint_at_a_place_that_nobody_labelled_is_a_miss(person):
    one, other = person(), person(200, 250)
    one[RIGHT_WRIST, 2], other[NOSE, 2] = 0, 0
    wrong = found(one)
    wrong[LEFT_WRIST, :2], wrong[NOSE, :2] = one[RIGHT_WRIST, :2], other[NOSE, :2]
    kinds = joint_errors(wrong, truth_of(one, other), COCO_17).kinds
    assert (kinds[LEFT_WRIST], kinds[NOSE], kinds[RIGHT_WRIST]) == ("miss", "miss", "")


def test_a_joint_that_was_not_found_is_a_miss_even_at_the_corner(person):
    """The photograph's corner is where the absent joint's zeros lie; here the true joint lies there, too."""
    one = person(0, 0)
    wrong = found(one)
    wrong[NOSE] = 0
    errors = joint_errors(wrong, truth_of(one), COCO_17)
    assert errors.kinds[NOSE] == "miss"
    assert joint_similarity(errors.places[NOSE], one[NOSE, :2], AREA, SIGMAS[NOSE]) == pytest.approx(0.5, abs=1e-3)
    assert person_similarity(wrong, one, AREA, SIGMAS) == pytest.approx(16 / 17)


@given(
    st.integers(0, 16), st.floats(-300, 300), st.floats(-300, 300), st.lists(st.sampled_from(JOINT_ERRORS), unique=True)
)
def test_no_correction_makes_a_person_worse_or_a_joint_better_than_its_error_allowed(joint, x, y, kinds):
    number = np.arange(17)
    one = np.stack([100 + 25 * (number % 5), 100 + 25 * (number // 5), np.full(17, 2)], axis=1).astype(np.float64)
    wrong = found(one)
    wrong[joint, :2] += (x, y)
    truth = truth_of(one, one + (150, 120, 0))
    errors = joint_errors(wrong, truth, COCO_17)
    mended = corrected(wrong, errors, truth, COCO_17, kinds)
    before, after = (joint_similarity(p[joint, :2], one[joint, :2], AREA, SIGMAS[joint]) for p in (wrong, mended))
    assert after >= before - 1e-9
    kind = errors.kinds[joint]
    if kind not in kinds:
        assert (mended == wrong).all()
    elif kind == "jitter" or (kind == "miss" and "jitter" in kinds):
        assert after == pytest.approx(0.85, abs=1e-3)
    elif kind == "miss":
        assert after == pytest.approx(0.5, abs=1e-3)
    else:
        assert after >= 0.5 - 1e-9


def test_matches_duplicates_background_and_crowds(people, person):
    one, crowd = person(), person(250, 250)
    data = people({1: [one], 2: [person()]}, crowds={1: [crowd]})
    near = at_similarity(one, NOSE, 0.6)
    predictions = {
        1: (np.stack([near, found(one), found(crowd), found(person(20, 300))]), np.array([0.9, 0.5, 0.8, 0.7])),
    }
    matches, labelled = match_persons(predictions, data)
    assert [(m.number, m.verdict) for m in matches] == [
        (0, "matched"),
        (2, "ignored"),
        (3, "background"),
        (1, "duplicate"),
    ]
    assert matches[0].oks == pytest.approx((16 + 0.6) / 17, abs=1e-4) and labelled.tolist() == [0, 2]


def test_ap_without_each_error_is_what_arithmetic_says(people, person):
    """Four photographs: a right person, one whose joints all jitter, one not found, and a background person first."""
    data = people({number: [person()] for number in (1, 2, 3)} | {4: [person()]})
    shaken = found(person())
    shaken[:, 1] -= radius_of(0.6, AREA, SIGMAS)
    predictions = {
        1: (found(person())[None], np.array([0.9])),
        2: (shaken[None], np.array([0.8])),
        3: (np.stack([found(person()), found(person(20, 300))]), np.array([0.5, 0.95])),
    }
    correction = Correction(predictions, data)
    assert correction.not_found.tolist() == [3]
    now = evaluate(predictions, data)["ap"]
    table = ap_by_correction(correction)
    assert set(table["alone"]) == set(table["together"]) == set(CORRECTIONS)
    for kind in ("miss", "swap", "inversion"):
        assert table["alone"][kind] == pytest.approx(now)
    assert table["alone"]["jitter"] > now and table["alone"]["not_found"] > now
    # Three of four found: without the background person, in the order right, shaken (OKS 0.6), right.
    without = {image_id: (persons[:1], scores[:1]) for image_id, (persons, scores) in predictions.items()}
    assert table["alone"]["background"] == pytest.approx(evaluate(without, data)["ap"])
    # Everything mended: all joints of all that count at 0.85 or more, so that eight of COCO's ten thresholds hold all.
    assert table["together"]["not_found"] == pytest.approx(8 / 10 + 2 / 10 * 67 / 101)


def test_perfect_predictions_have_no_errors(people, person):
    data = people({1: [person(), person(200, 250)], 2: [person(5, 5)]})
    predictions = {
        i: (np.stack([found(p) for p in data.keypoints(i)]), np.ones(len(data.keypoints(i)))) for i in (1, 2)
    }
    correction = Correction(predictions, data)
    assert all((each.errors.kinds == "good").all() for each in correction.persons) and not correction.not_found.size
    assert list(ap_by_correction(correction)["alone"].values()) == pytest.approx([1.0] * len(CORRECTIONS))
