"""Local maxima of heatmaps that rounding must not change."""

import cv2
import numpy as np

REACH = 2
"A cell is a maximum when none within so many cells, in x and in y, exceeds it."
MOST_STEPS = 3
"Most codes by which a cell is lowered."
_FEW = 1000  # lowered cells around which looking costs less than looking everywhere


def keep_maxima(heatmaps: np.ndarray, codes: np.ndarray):
    """Lower, in place, the codes (N, H, W) uint8 that rounding has made equal to a maximum nearby.

    Non-maximum suppression would find a second peak there. A cell that is a maximum keeps its code; another is
    lowered by `MOST_STEPS` at most, which leaves only slopes untouched that are flatter than that over many cells.

    Args:
        heatmaps: (N, H, W) float, clamped to 0..1, of which `codes` are the rounded values.
    """
    cells = _code_maxima(codes)
    for _ in range(MOST_STEPS):
        is_lower = np.minimum(heatmaps[cells], 1) < _highest_around(heatmaps, *cells)
        if not is_lower.any():
            break
        lowered = tuple(index[is_lower] for index in cells)
        codes[lowered] -= 1
        cells = _new_maxima(codes, lowered) if len(lowered[0]) <= _FEW else _code_maxima(codes)


def _code_maxima(codes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Number, row and column of the cells of (N, H, W), 0 apart, that none nearby exceeds."""
    count, height, width = codes.shape
    # All maps make one tall picture, parted by rows of zeros.
    stacked = np.zeros((count, height + REACH, width), np.uint8)
    stacked[:, :height] = codes
    tall = stacked.reshape(-1, width)
    highest = cv2.dilate(tall, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8))
    cv2.max(highest, 1, dst=highest)
    return np.unravel_index(np.flatnonzero(tall == highest), stacked.shape)


def _new_maxima(codes: np.ndarray, lowered: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Cells of (N, H, W) that have become maxima of the codes since those given were lowered by one.

    Each of them is near a lowered cell, and its code is what that cell was lowered to.
    """
    around = np.broadcast_arrays(*_window(codes.shape, *lowered))
    is_equal = codes[tuple(around)] == np.maximum(codes[lowered], 1)[:, None, None]
    flat = np.unique(np.ravel_multi_index([index[is_equal] for index in around], codes.shape))
    cells = np.unravel_index(flat, codes.shape)
    is_highest = codes[cells] == codes[_window(codes.shape, *cells)].max(axis=(1, 2))
    return tuple(index[is_highest] for index in cells)


def _highest_around(heatmaps: np.ndarray, *cells: np.ndarray) -> np.ndarray:
    """(M,) largest values, 1 at most, around cells of (N, H, W), each cell included."""
    return np.minimum(heatmaps[_window(heatmaps.shape, *cells)].max(axis=(1, 2)), 1)


def _window(shape: tuple[int, ...], number: np.ndarray, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, ...]:
    """Indices that together give (M, 5, 5) cells around M cells of (N, H, W); at an edge some come twice."""
    away = np.arange(-REACH, REACH + 1)
    rows = np.clip(row[:, None] + away, 0, shape[1] - 1)
    columns = np.clip(column[:, None] + away, 0, shape[2] - 1)
    return number[:, None, None], rows[:, :, None], columns[:, None, :]
