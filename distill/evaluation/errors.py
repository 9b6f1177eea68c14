"""What is wrong with each joint of a found person: Ronchi and Perona, Benchmarking and Error Diagnosis, ICCV 2017.

Their definitions, written anew. Other than their program, a joint that was not found is a miss wherever the
photograph's corner lies, and a corrected joint never comes nearer to its place than its error allowed.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from distill.evaluation.similarity import joint_similarity, radius_of
from distill.pose.skeleton import Skeleton

GOOD, JITTER, INVERSION, SWAP, MISS = "good", "jitter", "inversion", "swap", "miss"
JOINT_ERRORS = (MISS, SWAP, INVERSION, JITTER)
"In the order in which they are corrected."
NEAR, RIGHT = 0.5, 0.85
"Similarity from which a joint is near a place, and from which it is right."
_ROUNDING = 0.001
"Pixels to which COCO's results are rounded, by which a corrected joint must not fall short of its similarity."


@dataclass(frozen=True)
class Truth:
    """An annotated person and those beside it."""

    keypoints: np.ndarray
    "(K, 3) x, y, visibility."
    area: float
    "Square pixels."
    others: np.ndarray
    "(Q, K, 3) the other labelled persons of the photograph."
    other_areas: np.ndarray
    "(Q,) square pixels."


@dataclass(frozen=True)
class JointErrors:
    """What became of the joints of one found person."""

    kinds: np.ndarray
    "(K,) text: good, jitter, inversion, swap or miss; empty where the joint is not labelled."
    places: np.ndarray
    "(K, 2) where a joint of that kind would stand without its error."


def joint_errors(person: np.ndarray, truth: Truth, skeleton: Skeleton) -> JointErrors:
    """Kinds and corrections of a found person's joints (K, 3) that stands for an annotated one.

    A joint is good from a similarity of 0.85 with its place, jitter from 0.5; else an inversion if it is near the
    place of its left or right twin, a swap if near that joint or its twin of somebody else, whichever is nearer, and
    else a miss. Corrected, jitter comes as near as 0.85 and a miss as near as 0.5, on the straight way; an inverted or
    swapped joint as near to its place as it was to the wrong one.
    """
    kinds = np.full(len(skeleton), "", dtype=object)
    places = np.array(person[:, :2], dtype=np.float64)
    for joint in np.flatnonzero(truth.keypoints[:, 2] > 0).tolist():
        kinds[joint], places[joint] = _joint_error(joint, person, truth, skeleton)
    return JointErrors(kinds, places)


def corrected(
    person: np.ndarray, errors: JointErrors, truth: Truth, skeleton: Skeleton, kinds: Collection[str]
) -> np.ndarray:
    """The person (K, 3) without its errors of those kinds; a joint that was not found gets the mean score of others.

    With jitter among the kinds, joints that another correction left near their place are brought to 0.85, too.
    """
    person = np.array(person, dtype=np.float64)
    wrong = np.isin(errors.kinds, list(kinds))
    person[wrong, :2] = errors.places[wrong]
    found = person[:, 2] > 0
    person[wrong & ~found, 2] = person[found, 2].mean() if found.any() else 1.0
    if JITTER in kinds:
        sigmas = np.asarray(skeleton.sigmas)
        near = joint_similarity(person[:, :2], truth.keypoints[:, :2], truth.area, sigmas)
        for joint in np.flatnonzero(wrong & (near < RIGHT)).tolist():
            person[joint, :2] = _nearer(person[joint, :2], joint, truth, skeleton, RIGHT)
    return person


def _joint_error(joint: int, person: np.ndarray, truth: Truth, skeleton: Skeleton) -> tuple[str, np.ndarray]:
    place, sigma = person[joint, :2], skeleton.sigmas[joint]
    own = truth.keypoints[joint, :2]
    if person[joint, 2] <= 0:
        return MISS, _nearer(own + (truth.area, 0), joint, truth, skeleton, NEAR)
    similarity = joint_similarity(place, own, truth.area, sigma)
    if similarity >= RIGHT:
        return GOOD, place
    if similarity >= NEAR:
        return JITTER, _nearer(place, joint, truth, skeleton, RIGHT)
    near, kind, wrong, area = max(_confusions(joint, place, truth, skeleton), default=(0, MISS, None, 0), key=_nearness)
    if near < NEAR:
        return MISS, _nearer(place, joint, truth, skeleton, NEAR)
    return kind, own + (place - wrong) * np.sqrt(truth.area / area)


def _confusions(joint: int, place: np.ndarray, truth: Truth, skeleton: Skeleton) -> Iterator[tuple]:
    """Places of other joints that it may have been taken for, as similarity, kind, place and area."""
    twin, sigma = int(skeleton.flip_index[joint]), skeleton.sigmas[joint]
    candidates = [(INVERSION, truth.keypoints[twin], truth.area)] if twin != joint else []
    for other, area in zip(truth.others, truth.other_areas.tolist(), strict=True):
        candidates += [(SWAP, other[which], area) for which in {joint, twin}]
    for kind, (x, y, visibility), area in candidates:
        if visibility > 0:
            wrong = np.array([x, y], np.float64)
            yield float(joint_similarity(place, wrong, area, sigma)), kind, wrong, area


def _nearness(confusion: tuple) -> float:
    return confusion[0]


def _nearer(place: np.ndarray, joint: int, truth: Truth, skeleton: Skeleton, similarity: float) -> np.ndarray:
    """On the straight way from a place to the true one, where the similarity is that high."""
    own = truth.keypoints[joint, :2].astype(np.float64)
    away = place - own
    radius = radius_of(similarity, truth.area, skeleton.sigmas[joint])
    return own + away / np.linalg.norm(away) * max(radius - _ROUNDING, 0)
