"""What looks wrong with the annotations of a split."""

from collections.abc import Callable

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.editing.joints import plain_name
from distill.data.reading.findings import Findings

FAR = 1.0
"Of the longer side of its box that a joint may lie outside of it."
FEW = 0.3
"Share of persons whose left and right lie as expected below which the sides are taken for swapped."
ENOUGH = 10
"Persons without whom nothing is said of most persons."
SAME = 0.02
"Of the box's longer side that joints of two persons may differ on average and be one person's."
NEARLY_ALL = 0.8
"Share of the persons for what is said of all."


def look(split: AnnotatedSplit, findings: Findings):
    """Add to the findings what looks wrong; of a split without labelled persons nothing does."""
    if split.annotations.labelled.any():
        for check in CHECKS:
            check(split, findings)


def _far_outside(split: AnnotatedSplit, findings: Findings):
    persons, boxes, owners = _labelled(split)
    low, high = boxes[:, None, :2], boxes[:, None, :2] + boxes[:, None, 2:]
    beyond = np.maximum(low - persons[..., :2], persons[..., :2] - high).max(axis=2)
    far = (persons[..., 2] > 0) & (beyond > FAR * boxes[:, None, 2:].max(axis=2))
    findings.add_where("persons with joints far outside their box", far.any(axis=1), owners)


def _swapped(split: AnnotatedSplit, findings: Findings):
    """Left and right of people who look into the camera, and pairs that contradict the shoulders."""
    persons, _, owners = _labelled(split)
    at = {plain_name(joint): k for k, joint in enumerate(split.skeleton.joints)}
    faces = [at[name] for name in ("nose", "left_eye", "right_eye") if name in at]
    shoulders = _right_of(persons, at, "shoulder")
    if len(faces) == 3:
        faces_us = (persons[:, faces, 2] == 2).all(axis=1)
        _tell(shoulders[faces_us], "persons who face the camera with left and right swapped", owners, findings)
    for name in ("hip", "eye", "ear"):
        sides = _right_of(persons, at, name)
        agreement = np.where(sides * shoulders == 0, 0, np.where(sides == shoulders, 1, -1))
        _tell(agreement, f"persons whose {name}s lie the other way round than their shoulders", owners, findings)


def _hidden_everywhere(split: AnnotatedSplit, findings: Findings):
    persons, _, owners = _labelled(split)
    if len(persons) >= ENOUGH and not (persons[..., 2] == 2).any():
        findings.add("persons none of whose joints is visible (2), in all of the split", owners[0], len(persons))


def _never_labelled(split: AnnotatedSplit, findings: Findings):
    persons, _, _ = _labelled(split)
    never = ~(persons[..., 2] > 0).any(axis=0)
    findings.add_where("joints that nobody has", never, split.skeleton.joints)


def _whole_photograph(split: AnnotatedSplit, findings: Findings):
    _, boxes, owners = _labelled(split)
    rows = split.image_ids.searchsorted(split.annotations.image_ids[split.annotations.labelled])
    whole = boxes[:, 2:].prod(axis=1) >= 0.95 * split.sizes[rows].prod(axis=1)
    if len(boxes) >= ENOUGH and whole.mean() > NEARLY_ALL:
        findings.add_where("persons whose box is the whole photograph, nearly all of the split", whole, owners)


def _twice(split: AnnotatedSplit, findings: Findings):
    persons, boxes, owners = _labelled(split)
    images = split.annotations.image_ids[split.annotations.labelled]
    twice = np.zeros(len(persons), dtype=bool)
    for those in np.split(np.arange(len(images)), np.flatnonzero(np.diff(images)) + 1):
        for place, row in enumerate(those):
            others = those[place + 1 :]
            both = (persons[others, :, 2] > 0) & (persons[row, :, 2] > 0)
            apart = np.linalg.norm(persons[others, :, :2] - persons[row, :, :2], axis=2)
            mean = np.where(both, apart, 0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
            twice[others] |= (both.sum(axis=1) >= 3) & (mean < SAME * boxes[others, 2:].max(axis=1))
    findings.add_where("persons whose joints are another's of the same photograph", twice, owners)


CHECKS: tuple[Callable[[AnnotatedSplit, Findings], None], ...] = (
    _far_outside,
    _swapped,
    _hidden_everywhere,
    _never_labelled,
    _whole_photograph,
    _twice,
)


def _labelled(split: AnnotatedSplit) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Joints (P, K, 3), boxes (P, 4) and names of the persons with joints."""
    annotations = split.annotations
    rows = np.flatnonzero(annotations.labelled)
    owners = [f"annotation {annotations.ids[row]} of image {annotations.image_ids[row]}" for row in rows.tolist()]
    return annotations.keypoints[rows], annotations.boxes[rows], owners


def _right_of(persons: np.ndarray, at: dict[str, int], name: str) -> np.ndarray:
    """(P,) 1 where the left joint of a pair lies right of the other in the photograph, -1 where left, 0 if unknown."""
    if f"left_{name}" not in at or f"right_{name}" not in at:
        return np.zeros(len(persons))
    left, right = persons[:, at[f"left_{name}"]], persons[:, at[f"right_{name}"]]
    known = (left[:, 2] > 0) & (right[:, 2] > 0)
    return np.sign(left[:, 0] - right[:, 0]) * known


def _tell(sides: np.ndarray, what: str, owners: list[str], findings: Findings):
    """Add a finding where, of those who are known, few are as expected (1)."""
    known = np.flatnonzero(sides)
    wrong = known[sides[known] < 0]
    if len(known) >= ENOUGH and len(wrong) > (1 - FEW) * len(known):
        findings.add(
            f"{what} ({len(wrong)} of {len(known)}); exchange the joints or their names", owners[wrong[0]], len(wrong)
        )
