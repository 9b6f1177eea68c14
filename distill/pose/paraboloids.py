"""Peaks measured in several maps of one photograph at once, each at its own resolution."""

from collections.abc import Sequence

import numpy as np
import torch

from distill.pose import geometry
from distill.pose.peaks import LOWEST

FLATTEST = 0.01
"Bend of the logarithm, per square cell, of the widest peak that is told from a plateau: a deviation of 10 cells."
_REACH = 1.0  # cells of the finest map


def measure_peaks(
    joints: np.ndarray, places: np.ndarray, views: Sequence[tuple[torch.Tensor, np.ndarray]]
) -> np.ndarray:
    """Place, height and width of peaks near known places: (M, 5) float32 rows of joint, x, y, confidence, width.

    In each map parabolas through the logarithms of a cell and its neighbours in x and in y, exact for a Gaussian,
    stand for it near the place. The peak is where the mean of the maps is highest by them, at most a cell of the
    finest map away; its height is the mean of their heights there, so averaging lowers no peak, as it would if maps
    were resized to each other first. The width is the standard deviation of a Gaussian of the mean bend.

    Args:
        joints: (M,) int.
        places: (M, 2) x, y in photograph pixels.
        views: maps (K, h, w), 0..1, h and w at least 3, each with its (2, 3) matrix from photograph to map, a
            scaling and a shift.
    """
    crosses = [_cross(maps, to_map, joints, places) for maps, to_map in views]
    values, slopes, bends = (np.stack(parts) for parts in zip(*crosses, strict=True))
    weights = np.exp(values)[..., None]
    rising = np.maximum(bends, 0)
    # The mean of the maps is highest where their slopes cancel, each weighted by its map's height.
    step = (weights * slopes).sum(0) / np.maximum((weights * rising).sum(0), 1e-12)
    pixels = min(1 / to_map[0, 0] for _, to_map in views)
    step = np.clip(step, -_REACH * pixels, _REACH * pixels)
    gain = (slopes * step - bends * step**2 / 2).sum(-1)
    height = np.exp(np.minimum(values + gain, 0)).mean(0)
    flattest = FLATTEST / pixels**2
    bend = np.maximum((weights * rising).sum(0) / weights.sum(0), flattest)
    width = (1 / np.sqrt(bend)).mean(-1)
    return np.column_stack([joints, places + step, height, width]).astype(np.float32)


def widths(heatmaps: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Widths (M,) in cells of peaks (M, 4) or more, rows of joint, x, y in cells of heatmaps (K, H, W)."""
    _, _, bends = _cross(torch.from_numpy(heatmaps), np.eye(2, 3), peaks[:, 0].astype(int), peaks[:, 1:3])
    return (1 / np.sqrt(np.maximum(bends, FLATTEST))).mean(-1).astype(np.float32)


def _cross(
    maps: torch.Tensor, to_map: np.ndarray, joints: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logarithm (M,) of a map at places, its slopes (M, 2) and bends (M, 2) there in x and y, photograph pixels.

    The cells are those around the place; at the border, the outermost three.
    """
    height, width = maps.shape[-2:]
    at = geometry.transform(to_map, places)
    cell = np.clip(np.floor(at).astype(int), 1, (width - 2, height - 2))
    column, row = cell[:, :1] + (0, -1, 1, 0, 0), cell[:, 1:] + (0, 0, 0, -1, 1)
    index = (torch.from_numpy(i).to(maps.device) for i in (np.asarray(joints)[:, None], row, column))
    logs = np.log(np.maximum(maps[tuple(index)].double().cpu().numpy(), LOWEST))
    centre, before, after = logs[:, 0], logs[:, 1::2], logs[:, 2::2]
    bend = 2 * centre[:, None] - before - after
    slope = (after - before) / 2
    offset = at - (cell + 0.5)
    value = centre + (slope * offset - bend * offset**2 / 2).sum(-1)
    scale = np.diag(to_map)
    return np.minimum(value, 0), (slope - bend * offset) * scale, bend * scale**2
