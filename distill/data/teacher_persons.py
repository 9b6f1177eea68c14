"""The teacher's persons of a photograph that nobody annotated: whom it is sure of, and whom it doubts."""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from cache.store import SoftLabelStore

PersonReader = Callable[[int], tuple[np.ndarray, np.ndarray]]
"Function from an image id to the persons that are taught and those in doubt, each (P, K, 3) x, y, confidence."


def person_reader(store: SoftLabelStore, least_score: float) -> PersonReader:
    """Reads persons of a store in photograph pixels, parted by their score; raises as the store does."""
    return partial(_read_parted, store, least_score)


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


def _read_parted(store: SoftLabelStore, least_score: float, image_id: int) -> tuple[np.ndarray, np.ndarray]:
    persons, scores = store.read_persons(image_id)
    is_sure = scores >= least_score
    return persons[is_sure], persons[~is_sure]


def _fill_hull(mask: np.ndarray, points: np.ndarray, value: int):
    """Fill the hull of points (N, 2), widened by a twelfth of its longer side so that Gaussians lie within."""
    if not len(points):
        return
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    margin = int(np.ceil(np.ptp(points, axis=0).max() / 12)) + 1
    cv2.fillConvexPoly(mask, hull, value)
    cv2.polylines(mask, [hull], True, value, thickness=2 * margin)
