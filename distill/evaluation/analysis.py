"""Everything that a model does wrong, as one JSON value."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import Predictions, evaluate
from distill.evaluation.correction import SCORES, Correction, ErrorsOfPerson, ap_by_correction
from distill.evaluation.errors import GOOD, INVERSION, JOINT_ERRORS, SWAP
from distill.evaluation.figures import calibration, joint_figures, precision_recall

KINDS = (GOOD, *reversed(JOINT_ERRORS))
MEDIUM, LARGE = 32**2, 96**2
"Square pixels from which COCO calls a person medium and large."
_OVERLAP = 0.1
"Intersection over union from which the box of a person crowds another."
SIZES, CROWDING = ("small", "medium", "large"), ("alone", "one or two beside", "three or more beside")
WORST = 100


def analyse(predictions: Predictions, data: KeypointSet, image_ids: Sequence[int] | None = None) -> dict:
    """Errors by kind and place, AP without them, figures by joint, curves, and the worst persons.

    Returns: JSON values
        figures: COCO's ten.
        persons: how many are annotated, found, matched, not found, background, duplicates, ignored.
        joints: labelled joints of matched persons by kind; the joints of persons not found are in none.
        where: the same by joint, size, crowding and visibility.
        ap: see `ap_by_correction`.
        joint_figures, precision_recall, calibration: see `distill.evaluation.figures`.
        oracles: AP with true classes of joints (none on the other side or somebody else's), and with true scores.
        oks: similarity of the one found for each annotated person, by annotation id; 0 of those not found.
        worst: the `WORST` annotated persons of lowest OKS, the largest of equals first; those not found have 0.

    Raises:
        InputError: an image id is not in the split, or nobody is annotated.
    """
    data.require_labelled(image_ids)
    correction = Correction(predictions, data, image_ids)
    return {
        "figures": evaluate(predictions, data, image_ids),
        "persons": _persons(correction),
        "joints": _counts(kind for each in correction.persons for kind in each.errors.kinds),
        "where": _where(correction),
        "ap": ap_by_correction(correction),
        "joint_figures": joint_figures(correction),
        "precision_recall": precision_recall(predictions, data, image_ids),
        "calibration": calibration(correction),
        "oracles": {"joint_classes": correction.ap({INVERSION, SWAP}), "scores": correction.ap({SCORES})},
        "oks": _oks(correction),
        "worst": worst_persons(correction),
    }


def worst_persons(correction: Correction, count: int = WORST) -> list[dict]:
    """Annotated persons of lowest OKS: image, annotation, OKS, who was found for them, and kinds of errors by joint."""
    annotations, joints = correction.data.annotations, correction.data.skeleton.joints
    found = {each.match.annotation: each for each in correction.persons}

    def rank(row: int) -> tuple[float, float]:
        return (found[row].match.oks if row in found else 0.0, -float(annotations.areas[row]))

    worst = []
    for row in sorted(correction.labelled.tolist(), key=rank)[:count]:
        each = found.get(row)
        kinds = each.errors.kinds if each else []
        worst.append(
            {
                "image_id": int(annotations.image_ids[row]),
                "annotation_id": int(annotations.ids[row]),
                "box": annotations.boxes[row].tolist(),
                "oks": each.match.oks if each else 0.0,
                "found": each.match.number if each else None,
                "errors": {joint: kind for joint, kind in zip(joints, kinds, strict=False) if kind and kind != GOOD},
            }
        )
    return worst


def _oks(correction: Correction) -> dict[str, float]:
    found = {each.match.annotation: each.match.oks for each in correction.persons}
    ids = correction.data.annotations.ids
    return {str(ids[row]): found.get(row, 0.0) for row in correction.labelled.tolist()}


def _persons(correction: Correction) -> dict[str, int]:
    verdicts = Counter(match.verdict for match in correction.matches)
    return {
        "annotated": len(correction.labelled),
        "found": len(correction.matches),
        "matched": verdicts["matched"],
        "not_found": len(correction.not_found),
        "background": verdicts["background"],
        "duplicates": verdicts["duplicate"],
        "ignored": verdicts["ignored"],
    }


def _counts(kinds) -> dict[str, int]:
    counter = Counter(kinds)
    return {kind: counter[kind] for kind in KINDS}


def _where(correction: Correction) -> dict[str, dict[str, dict[str, int]]]:
    """Kinds of joints by joint, size and crowding of the person, and visibility; with persons not found by the two."""
    sizes = {row: _size(correction, row) for row in correction.labelled.tolist()}
    by_person = {"size": (SIZES, sizes), "crowding": (CROWDING, _crowding(correction))}
    where = {
        "joint": {
            joint: _counts(each.errors.kinds[number] for each in correction.persons)
            for number, joint in enumerate(correction.data.skeleton.joints)
        },
        "visibility": {
            name: _counts(_kinds_of_visibility(correction.persons, value))
            for value, name in ((2, "visible"), (1, "hidden"))
        },
    }
    for name, (order, group_of) in by_person.items():
        where[name] = {}
        for group in order:
            those = [each for each in correction.persons if group_of[each.match.annotation] == group]
            lost = sum(group_of[row] == group for row in correction.not_found.tolist())
            counts = _counts(kind for each in those for kind in each.errors.kinds)
            where[name][group] = counts | {"persons": len(those) + lost, "not_found": lost}
    return where


def _kinds_of_visibility(persons: list[ErrorsOfPerson], visibility: int):
    for each in persons:
        yield from each.errors.kinds[each.truth.keypoints[:, 2] == visibility]


def _size(correction: Correction, row: int) -> str:
    area = correction.data.annotations.areas[row]
    return SIZES[int(area >= MEDIUM) + int(area >= LARGE)]


def _crowding(correction: Correction) -> dict[int, str]:
    """By annotation: how many other annotated persons' boxes overlap its own."""
    annotations = correction.data.annotations
    crowding = {}
    for row in correction.labelled.tolist():
        beside = annotations.boxes[annotations.of(int(annotations.image_ids[row]))]
        crowded = int((_overlaps(annotations.boxes[row], beside) >= _OVERLAP).sum()) - 1
        crowding[row] = CROWDING[int(crowded > 0) + int(crowded > 2)]
    return crowding


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,) intersection over union of a box x, y, width, height with others (N, 4)."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = (high - low).clip(min=0).prod(axis=1)
    return shared / np.maximum(box[2:].prod() + boxes[:, 2:].prod(axis=1) - shared, np.spacing(1))
