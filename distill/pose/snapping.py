"""Joints that offsets point to, moved to the peaks of the heatmaps where they agree."""

import numpy as np
from scipy.ndimage import maximum_filter

from distill.pose.grouping import GroupingConfig, locate

REACH, LEAST_REACH = 0.12, 2.0
"How far from where its offset points a joint is looked for: of the person's longer side, and cells at least."
SURE_OF_OFFSET = 0.01
"Value of a joint that only its offset found."


def joint_peaks(heatmaps: np.ndarray, config: GroupingConfig) -> np.ndarray:
    """The heatmaps (K, H, W) where they are above the threshold and no neighbour exceeds them, 0 elsewhere."""
    usable = np.where(np.isfinite(heatmaps) & (heatmaps > config.detection_threshold), heatmaps, 0)
    return np.where(usable == maximum_filter(usable, (1, 3, 3)), usable, 0)


def snapped(
    points: np.ndarray, peaks: np.ndarray, heatmaps: np.ndarray, config: GroupingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """A person (K, 3) whose offsets point to (K, 2), and the cell of each joint, -1 where none was found.

    Args:
        peaks: the heatmaps (K, H, W), 0 where no peak is.
    """
    joints, height, width = heatmaps.shape
    reach = max(LEAST_REACH, REACH * float(np.ptp(points, axis=0).max()))
    cells, values = np.full(joints, -1), np.zeros(joints, np.float32)
    for joint, (x, y) in enumerate(points.tolist()):
        left, right = max(0, int(np.floor(x - reach))), min(width, int(np.floor(x + reach)) + 1)
        top, bottom = max(0, int(np.floor(y - reach))), min(height, int(np.floor(y + reach)) + 1)
        if left >= right or top >= bottom:
            continue
        window = peaks[joint, top:bottom, left:right]
        squared = (np.arange(left, right) + 0.5 - x) ** 2 + (np.arange(top, bottom)[:, None] + 0.5 - y) ** 2
        worth = window * np.exp(-2 * squared / reach**2)
        if worth.max() > 0:
            row, column = divmod(int(worth.argmax()), right - left)
            cells[joint], values[joint] = (top + row) * width + left + column, window[row, column]
    person = locate(cells[None], values[None], heatmaps, config)[0]
    inside = ((points >= 0) & (points < (width, height))).all(axis=1) & (cells < 0)
    person[inside] = np.column_stack([points, np.full(joints, SURE_OF_OFFSET)])[inside]
    return person, cells
