"""Persons from short-range and mid-range offsets, by the decoder that PoseNet teachers share."""

import numpy as np

from distill.pose.grouping import GroupingConfig
from distill.pose.snapping import joint_peaks, snapped
from teachers.personlab import PersonLabConfig, PersonLabMaps, decode

SHORT_UNIT, MID_UNIT = 1.0, 8.0
"Cells that a short-range and a mid-range offset of 1 stand for."
SAME = 2.0
"Cells within which a joint of a better person is the same one."


def persons_of_offsets(
    heatmaps: np.ndarray, offsets: np.ndarray, tree: np.ndarray, config: GroupingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Persons (P, K, 3) and scores (P,), float32, best first.

    They are grown as `teachers.personlab.decode` does it; then each joint moves to the heatmap's peak near where it was
    found, which lies more exactly; see `distill.pose.snapping.snapped`.

    Args:
        heatmaps: (K, H, W) values 0..1; those that are not finite count as 0.
        offsets: (2 K + 4 E, H, W) x and y of the short-range offsets in `SHORT_UNIT` cells, then x and y of the
            mid-range ones to the children and back in `MID_UNIT` cells.
        tree: (E, 2) joints from parent to child.
        config: `max_persons` and `detection_threshold` count.

    Returns:
        x, y in map cells (cell u is centred at u + 0.5) and value; all zero where a joint lies outside of the map.
    """
    joints, edges = len(heatmaps), len(tree)
    heatmaps = np.nan_to_num(np.asarray(heatmaps, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    offsets = np.nan_to_num(np.asarray(offsets, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    short = _by_cell(offsets[: 2 * joints], joints, SHORT_UNIT)
    forward, backward = (_by_cell(part, edges, MID_UNIT) for part in np.split(offsets[2 * joints :], 2))
    # The decoder's cell u lies at u, ours at u + 0.5.
    maps = PersonLabMaps(np.ascontiguousarray(heatmaps.transpose(1, 2, 0)), short, forward, backward, 1.0)
    settings = PersonLabConfig(min(config.detection_threshold, 1.0), SAME, config.max_persons)
    found, scores = decode(maps, tuple(map(tuple, tree.tolist())), settings)
    peaks = joint_peaks(heatmaps, config)
    points = (found[..., 1::-1] + 0.5).astype(np.float32)
    placed = [snapped(each, peaks, heatmaps, config)[0] for each in points]
    persons = np.array(placed, np.float32).reshape(-1, joints, 3)
    is_there = persons[..., 2].any(axis=1)
    return persons[is_there], scores[is_there].astype(np.float32)


def _by_cell(channels: np.ndarray, count: int, unit: float) -> np.ndarray:
    """x of `count` things, then y (2 count, H, W) as y, x cells (H, W, 2, count)."""
    x, y = channels[:count], channels[count:]
    return np.stack([y, x]).transpose(2, 3, 0, 1) * np.float64(unit)
