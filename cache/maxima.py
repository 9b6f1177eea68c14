"""Local maxima of heatmaps that rounding must not change."""

import cv2
import numpy as np

REACH = 2
"A cell is a maximum when none within so many cells, in x and in y, exceeds it."
MOST_STEPS = 3
"Most codes by which a cell is lowered."


def keep_maxima(heatmaps: np.ndarray, codes: np.ndarray):
    """Lower, in place, the codes (N, H, W) uint8 that rounding has made equal to a maximum nearby.

    Non-maximum suppression would find a second peak there. A cell that is a maximum keeps its code; another is
    lowered by `MOST_STEPS` at most, which leaves only slopes untouched that are flatter than that over many cells.

    Args:
        heatmaps: (N, H, W) float, clamped to 0..1, of which `codes` are the rounded values.
    """
    count, height, width = codes.shape
    # All maps make one tall picture, parted by rows of zeros.
    stacked = np.zeros((count, height + REACH, width), np.uint8)
    stacked[:, :height] = codes
    flat, tall = stacked.reshape(-1), stacked.reshape(-1, width)
    window = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    for _ in range(MOST_STEPS):
        highest = np.maximum(cv2.dilate(tall, window), 1)
        cells = np.flatnonzero(tall == highest)
        found = np.unravel_index(cells, stacked.shape)
        is_lower = np.minimum(heatmaps[found], 1) < _highest_around(heatmaps, *found)
        if not is_lower.any():
            break
        flat[cells[is_lower]] -= 1
    codes[...] = stacked[:, :height]


def _highest_around(heatmaps: np.ndarray, number: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """(M,) largest values, 1 at most, around cells of (N, H, W), each cell included."""
    away = np.arange(-REACH, REACH + 1)
    rows = np.clip(row[:, None] + away, 0, heatmaps.shape[1] - 1)
    columns = np.clip(column[:, None] + away, 0, heatmaps.shape[2] - 1)
    return np.minimum(heatmaps[number[:, None, None], rows[:, :, None], columns[:, None, :]].max(axis=(1, 2)), 1)
