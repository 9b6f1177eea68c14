"""Persons from short-range and mid-range offsets, by the decoder that PoseNet teachers share."""

import numpy as np

from distill.pose.grouping import GroupingConfig
from distill.pose.snapping import joint_peaks, snapped
from teachers.personlab import PersonLabConfig, PersonLabMaps, decode

SHORT_UNIT, MID_UNIT = 1.0, 8.0
"Cells that a short-range and a mid-range offset of 1 stand for."
SAME = 2.0
"Cells within which a joint of a better person is the same one."
BY_SIZE = 0.125
"Power of a person's size, as a share of the map's longer side, in the score: small persons are found less well."


def persons_of_offsets(
    heatmaps: np.ndarray, offsets: np.ndarray, tree: np.ndarray, config: GroupingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Persons (P, K, 3) and scores (P,), float32, best first.

    They are grown as `teachers.personlab.decode` does it; then each joint moves to the heatmap's peak near where it was
    found, which lies more exactly; see `distill.pose.snapping.snapped`. The score is the root of that decoder's times
    the mean of the joints' values, times a power, `BY_SIZE`, of the person's longer side.

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
    persons = persons[is_there]
    scores = _scores(persons, scores[is_there], max(heatmaps.shape[1:]))
    best = np.argsort(-scores, kind="stable")
    return persons[best], scores[best]


def _scores(persons: np.ndarray, own: np.ndarray, side: int) -> np.ndarray:
    """Scores (P,) float32 of persons (P, K, 3) from those that they were grown with, in a map of a longer side."""
    sure = np.sqrt(own.clip(min=0) * persons[..., 2].mean(axis=1, dtype=np.float64).clip(min=0))
    sizes = np.array([np.ptp(each[each[:, 2] > 0, :2], axis=0).max() for each in persons], np.float64)
    return (sure * (sizes.clip(1, side) / side) ** BY_SIZE).astype(np.float32)


def _by_cell(channels: np.ndarray, count: int, unit: float) -> np.ndarray:
    """x of `count` things, then y (2 count, H, W) as y, x cells (H, W, 2, count)."""
    x, y = channels[:count], channels[count:]
    return np.stack([y, x]).transpose(2, 3, 0, 1) * np.float64(unit)
