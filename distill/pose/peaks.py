"""Peaks of heatmaps at sub-cell precision."""

import numpy as np

LOWEST = 1e-3
"Heatmap values below it count as this before logarithms are taken."


def find_peaks(heatmaps: np.ndarray, threshold: float) -> np.ndarray:
    """Local maxima of heatmaps (K, H, W), as (M, 4) float32 rows: joint, x, y, height.

    A cell that no neighbour exceeds is a peak, of equal neighbours the first in row-major order. A parabola
    through the logarithms of the cell and its two neighbours in x and in y, exact for a Gaussian, gives
    position and height between the cells.

    Args:
        heatmaps: values 0..1.
        threshold: cells at or below it are no peaks.
    """
    joint, row, column = np.nonzero(heatmaps > threshold)
    for dy, dx in ((0, -1), (-1, 0), (-1, -1), (-1, 1)):
        value = heatmaps[joint, row, column]
        before = _beside(heatmaps, joint, row + dy, column + dx)
        is_peak = (value > before) & (value >= _beside(heatmaps, joint, row - dy, column - dx))
        joint, row, column = joint[is_peak], row[is_peak], column[is_peak]
    across = (_beside(heatmaps, joint, row, column + d) for d in (-1, 0, 1))
    down = (_beside(heatmaps, joint, row + d, column) for d in (-1, 0, 1))
    (shift_x, gain_x), (shift_y, gain_y) = (
        vertex(*(np.log(np.maximum(values, LOWEST)) for values in three)) for three in (across, down)
    )
    peak = np.minimum(heatmaps[joint, row, column] * np.exp(gain_x + gain_y), 1.0)
    return np.stack([joint, column + 0.5 + shift_x, row + 0.5 + shift_y, peak], axis=1).astype(np.float32)


def _beside(heatmaps: np.ndarray, joint: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Values (N,) of cells, 0 beside the maps."""
    _, height, width = heatmaps.shape
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return np.where(inside, heatmaps[joint, row.clip(0, height - 1), column.clip(0, width - 1)], 0)


def vertex(before: np.ndarray, centre: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset of the parabola's vertex in cells, at most a half, and its gain over the centre."""
    bend = np.maximum(2 * centre - before - after, 1e-6)
    slope = (after - before) / 2
    shift = np.clip(slope / bend, -0.5, 0.5)
    return shift, slope * shift - bend * shift**2 / 2
