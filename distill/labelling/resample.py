"""Bringing a network's maps onto the grid of a store."""

import numpy as np
import torch

from distill.pose import geometry


def resample(
    maps: torch.Tensor, matrix: np.ndarray, size: tuple[int, int], inside: tuple[float, float, float, float]
) -> torch.Tensor:
    """Resample maps (..., h, w) once; returns (..., H, W) on the same device, clamped to 0..1.

    Linear interpolation; where the result is coarser than half the source, the kernel grows until every
    source cell counts, so that no peak falls between two cells. Cells whose centre lies outside `inside`
    are zero; between there and the border of the source its outermost values go on.

    Args:
        matrix: (2, 3) map coordinates to result coordinates; a scaling and a shift, no rotation.
        size: (width, height) of the result, cells.
        inside: left, top, right, bottom of the photograph, in cells of the result.

    Raises:
        ValueError: the matrix rotates, shears or mirrors.
    """
    if matrix[0, 1] != 0 or matrix[1, 0] != 0 or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise ValueError(f"maps can only be scaled and shifted, not turned: {matrix.tolist()}")
    height, width = maps.shape[-2:]
    across = _weights(width, size[0], matrix[0, 0], matrix[0, 2], inside[0::2])
    down = _weights(height, size[1], matrix[1, 1], matrix[1, 2], inside[1::2])
    across, down = (torch.from_numpy(w).to(maps) for w in (across, down))
    return (down @ (maps @ across.T)).clamp_(0, 1)


def photograph_box(photograph: tuple[int, int], to_map: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a photograph of (width, height) in map coordinates."""
    corners = geometry.transform(to_map, np.array([(0.0, 0.0), photograph]))
    return tuple(corners.ravel().tolist())


def _weights(source: int, target: int, scale: float, shift: float, inside: tuple[float, float]) -> np.ndarray:
    """Weight (target, source) of each source cell in each target cell, float32."""
    centres = np.arange(target) + 0.5
    positions = ((centres - shift) / scale).clip(0.5, source - 0.5)
    reach = max(1.0, 0.5 / scale)
    distances = np.abs(positions[:, None] - (np.arange(source) + 0.5))
    weights = np.maximum(0, 1 - distances / reach)
    weights /= weights.sum(axis=1, keepdims=True)
    weights[(centres < inside[0]) | (centres > inside[1])] = 0
    return weights.astype(np.float32)
