"""Persons from their centres: a map of where centres are, and offsets from there to each joint.

No joint is assigned to anybody: a centre's offsets say where its joints are, and the heatmaps correct that (as in Zhou
et al., Objects as Points, 2019).
"""

import numpy as np
from scipy.ndimage import maximum_filter

from distill.pose.grouping import GroupingConfig
from distill.pose.snapping import joint_peaks, snapped

UNIT = 8.0
"Cells that an offset of 1 stands for."
SAME = 0.5
"Share of a person's joints in the cells of a better one from which both are one."


def persons_of_centres(
    heatmaps: np.ndarray, centres: np.ndarray, config: GroupingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Persons (P, K, 3) and scores (P,), float32, best first.

    A centre is a cell that is highest in its window. Each joint stands at the heatmap's peak, a cell that no neighbour
    exceeds, near where the offset points whose value times a Gaussian of the distance is highest; without one above
    the threshold where the offset points. The score is the centre's value times the mean of its joints'.

    Args:
        heatmaps: (K, H, W) values 0..1; cells that are not finite are passed over.
        centres: (1 + 2 K, H, W) confidence, then x of the offsets and y of the offsets, in `UNIT` cells.
        config: `max_persons`, `detection_threshold`, `nms_kernel`, `adjust` and `subcell` count.

    Returns:
        x, y in map cells (cell u is centred at u + 0.5) and value; all zero where a joint lies outside of the map.
    """
    heatmaps, centres = np.asarray(heatmaps, np.float32), np.asarray(centres, np.float32)
    joints, _, width = heatmaps.shape
    cells, values = _peaks(centres[0], config)
    peaks = joint_peaks(heatmaps, config)
    persons, scores, taken = [], [], []
    for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
        offsets = centres[1:, cell // width, cell % width].reshape(2, joints)
        if not np.isfinite(offsets).all():
            continue
        points = np.array([cell % width + 0.5, cell // width + 0.5], np.float32) + UNIT * offsets.T
        person, own = snapped(points, peaks, heatmaps, config)
        seen = own >= 0
        if any((own[seen] == other[seen]).mean() >= SAME for other in taken if seen.any()):
            continue
        if person[:, 2].any():
            persons.append(person)
            scores.append(value * person[:, 2].mean())
            taken.append(own)
    order = np.argsort(-np.array(scores), kind="stable").astype(int)
    found = np.array(persons, np.float32).reshape(-1, joints, 3)
    return found[order], np.array(scores, np.float32)[order]


def _peaks(confidence: np.ndarray, config: GroupingConfig) -> tuple[np.ndarray, np.ndarray]:
    """Cells and values of the centres, highest first; of equal cells in one window the first in row-major order."""
    usable = np.where(np.isfinite(confidence), confidence, -np.inf)
    size = config.nms_kernel
    before = np.arange(size * size).reshape(size, size) < size * size // 2
    highest = maximum_filter(usable, size, mode="constant", cval=-np.inf)
    earlier = maximum_filter(usable, footprint=before, mode="constant", cval=-np.inf) if size > 1 else -np.inf
    is_peak = (usable == highest) & (usable > earlier) & (usable > config.detection_threshold)
    cells = np.flatnonzero(is_peak)
    order = np.argsort(-usable.ravel()[cells], kind="stable")[: config.max_persons]
    return cells[order], usable.ravel()[cells[order]]
