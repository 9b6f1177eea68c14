"""Persons out of the annotations of a COCO JSON, as arrays with gaps where the file says nothing usable."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from distill.data.reading.findings import Findings
from distill.data.reading.outlines import usable_outline
from distill.data.reading.repairs import RawPersons
from distill.data.reading.values import numbers, shown, truth, whole_number
from distill.system.errors import InputError


def raw_persons(
    entries: Sequence[dict], image_ids: np.ndarray, num_joints: int, sizes: np.ndarray, findings: Findings
) -> RawPersons:
    """The fields of annotations before they are repaired.

    Args:
        entries: (N,) annotations in the order of their images.
        image_ids: (N,) int64.
        sizes: (N, 2) width and height of the photograph of each.
        findings: gets what was left out.

    Raises:
        InputError: a field cannot be what it stands for.
    """
    ids = _ids(entries, findings)
    keypoints = [_keypoints(entry, num_joints, findings) for entry in entries]
    return RawPersons(
        ids=ids,
        image_ids=image_ids,
        keypoints=numbers(keypoints, 3 * num_joints).reshape(-1, num_joints, 3),
        boxes=numbers([entry.get("bbox") for entry in entries], 4),
        areas=numbers([entry.get("area") for entry in entries]),
        is_crowd=np.array([_is_crowd(entry, findings) for entry in entries], dtype=bool),
        outlines=[
            _outline(entry, size, annotation_id, findings)
            for entry, size, annotation_id in zip(entries, sizes.tolist(), ids.tolist(), strict=True)
        ],
    )


def _ids(entries: Sequence[dict], findings: Findings) -> np.ndarray:
    """Ids (N,) int64 as they stand; what is no number of 63 bits, or another annotation's, gets the lowest free one."""
    ids = [_id(entry.get("id")) for entry in entries]
    counts = Counter(ids)
    unusable = np.array([number is None for number in ids], dtype=bool)
    seen, repeated = set(), np.zeros(len(ids), dtype=bool)
    if len(counts) < len(ids):
        for row, number in enumerate(ids):
            repeated[row] = number in seen and number is not None
            seen.add(number)
    free = (number for number in itertools.count(1) if number not in counts)
    _tell("annotations without a whole number as id; they are numbered", unusable, entries, findings)
    _tell("annotations with the id of another; they are numbered anew", repeated, entries, findings)
    return np.array(
        [next(free) if new else number for number, new in zip(ids, unusable | repeated, strict=True)], np.int64
    )


def _tell(kind: str, rows: np.ndarray, entries: Sequence[dict], findings: Findings):
    """Note the annotations for which it is true (N,) by their images."""
    if rows.any():
        first = entries[int(rows.argmax())].get("image_id")
        findings.add(kind, f"of image {first!r:.30}", int(rows.sum()))


def _id(value: object) -> int | None:
    """A whole number of 63 bits, also where it stands as text or as 3.0; None where it is none."""
    if type(value) is int and abs(value) < 2**63:
        return value
    try:
        return whole_number({"id": value}, "id", "")
    except InputError:
        return None


def _keypoints(entry: dict, num_joints: int, findings: Findings) -> list:
    """Joints as one list; absent or empty ones are those of a person nobody labelled."""
    value = entry.get("keypoints")
    if value is None or value in ([], "", {}):
        return [0] * (3 * num_joints)
    if not isinstance(value, list):
        raise _refused(entry, "keypoints", f"are {value!r:.60}", "give a list of x, y, visibility", findings)
    if all(isinstance(joint, list) and len(joint) == 3 for joint in value):
        value = [item for joint in value for item in joint]
    if len(value) != 3 * num_joints:
        raise _refused(
            entry,
            "keypoints",
            f"hold {len(value)} values instead of {3 * num_joints}",
            f"give x, y, visibility of {num_joints} joints",
            findings,
        )
    return value


def _is_crowd(entry: dict, findings: Findings) -> bool:
    is_crowd = truth(entry.get("iscrowd"))
    if is_crowd is None:
        raise _refused(entry, "iscrowd", f"is {entry['iscrowd']!r:.60}", "write the number 0 or 1", findings)
    return is_crowd


def _outline(entry: dict, size: Sequence[int], annotation_id: int, findings: Findings) -> list | dict | None:
    try:
        return usable_outline(entry.get("segmentation"), *size)
    except ValueError as error:
        findings.add(f"outlines {error} count as unknown", f"annotation {annotation_id}")
        return None


def _refused(entry: dict[str, Any], field: str, what: str, remedy: str, findings: Findings) -> InputError:
    return InputError(f"{findings.source}: {field} of annotation {shown(entry.get('id', '?'))} {what}; {remedy}")
