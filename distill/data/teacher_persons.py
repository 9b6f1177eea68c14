"""The teacher's persons of a photograph that nobody annotated: whom it is sure of, and whom it doubts."""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from cache.reader import LabelReader
from cache.store import SoftLabelStore
from distill.data.held_rows import HeldRows, Rows, preload_rows
from distill.data.keypoint_set import PERSON, UNKNOWN

BESIDE = 0.25
"How far beside a person, as a share of its longer side, the teacher would have found another."

ScoredPersons = Callable[[int], tuple[np.ndarray, np.ndarray]]
"Function from an image id to all persons (P, K, 3) x, y in photograph pixels and confidence, and their scores (P,)."
PersonReader = Callable[[int], tuple[np.ndarray, np.ndarray]]
"Function from an image id to the persons that are taught and those in doubt, each (P, K, 3) x, y, confidence."


class HeldPersons:
    """Persons and scores of many images as `SoftLabelStore.read_persons` gives them, out of memory."""

    def __init__(self, held: HeldRows):
        self.held = held

    def __call__(self, image_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Persons and scores of one image.

        Raises:
            InputError: it is not among the images.
        """
        rows = self.held(image_id)
        return rows[:, 1:].reshape(len(rows), rows.shape[1] // 3, 3), rows[:, 0]


def preload_persons(
    store: SoftLabelStore,
    image_ids: np.ndarray,
    *,
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> HeldPersons | None:
    """Persons of all the images; see `distill.data.held_rows.preload_rows`."""
    held = preload_rows(_found, "persons", store, image_ids, workers=workers, progress=progress, stop=stop)
    return None if held is None else HeldPersons(held)


def parted(read: ScoredPersons, least_score: float) -> PersonReader:
    """Persons by whether their score is at least so high; raises as reading them does."""
    return partial(_read_parted, read, least_score)


def outside_of_doubt(size: tuple[int, int], sure: np.ndarray, doubted: np.ndarray, reduction: int = 1) -> np.ndarray:
    """(H, W) uint8: 0 where only persons in doubt are, within the hulls of their joints, 255 elsewhere.

    Args:
        size: width and height of the mask, cells.
        sure: (P, K, 3) x, y, confidence of persons that are taught.
        doubted: (Q, K, 3) likewise, of persons of whom nothing is said.
        reduction: pixels of the photograph, in a row, that a cell stands for.
    """
    mask = np.full(size[::-1], 255, dtype=np.uint8)
    for persons, value in ((doubted, 0), (sure, 255)):
        for person in persons:
            _fill_hull(mask, person[person[:, 2] > 0, :2] / reduction, value)
    return mask


def outlined(masks: np.ndarray, sure: np.ndarray, doubted: np.ndarray, reduction: int = 1) -> np.ndarray:
    """Masks with the teacher's persons where the outlines of people are unknown.

    Within the hull of a person whom the teacher is sure of somebody is; in the rest of that person's box, made wider by
    `BESIDE`, nobody is, but on persons in doubt; farther away nothing is known, for the teacher misses people.

    Args:
        masks: (H, W, C) uint8 as of `KeypointSet.masks`.
        sure, doubted, reduction: as `outside_of_doubt` takes them.
    """
    shape = masks.shape[:2]
    near, inside = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
    for person in sure:
        points = person[person[:, 2] > 0, :2] / reduction
        if len(points):
            margin = np.ptp(points, axis=0).max() * BESIDE
            low, high = np.floor(points.min(0) - margin), np.ceil(points.max(0) + margin)
            cv2.rectangle(near, low.astype(int).tolist(), high.astype(int).tolist(), 255, cv2.FILLED)
        _fill_hull(inside, points, 255)
    is_told = (masks[..., UNKNOWN] > 0) & (near > 0) & (outside_of_doubt(shape[::-1], sure, doubted, reduction) > 0)
    masks = masks.copy()
    masks[is_told, UNKNOWN] = 0
    masks[is_told, PERSON] = inside[is_told]
    return masks


def _read_parted(read: ScoredPersons, least_score: float, image_id: int) -> tuple[np.ndarray, np.ndarray]:
    persons, scores = read(image_id)
    is_sure = scores >= least_score
    return persons[is_sure], persons[~is_sure]


def _found(reader: LabelReader) -> Rows:
    for image_id, persons, scores in reader.persons():
        yield (
            image_id,
            np.column_stack([scores, persons.reshape(len(persons), 3 * persons.shape[1])]).astype(np.float32),
        )


def _fill_hull(mask: np.ndarray, points: np.ndarray, value: int):
    """Fill the hull of points (N, 2), widened by a twelfth of its longer side so that Gaussians lie within."""
    if not len(points):
        return
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    margin = int(np.ceil(np.ptp(points, axis=0).max() / 12)) + 1
    cv2.fillConvexPoly(mask, hull, value)
    cv2.polylines(mask, [hull], True, value, thickness=2 * margin)
