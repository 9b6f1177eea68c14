"""One person from heatmaps alone: each joint's best cell."""

from collections.abc import Mapping

import numpy as np

from distill.pose.grouping import GroupingConfig, locate


def best_cells(heatmaps: np.ndarray, config: GroupingConfig) -> tuple[np.ndarray, np.ndarray]:
    """Persons (P, K, 3) and scores (P,), float32, from heatmaps (K, H, W); P is 1, or 0 where no joint is found.

    Each joint stands at its map's highest cell, of equal ones the first, moved off the centre as `group` does it.

    Args:
        heatmaps: values 0..1; cells that are not finite are passed over.
        config: of it `detection_threshold`, `adjust` and `subcell` count.

    Returns:
        x, y in map cells (cell u is centred at u + 0.5) and heatmap value, all zero for a joint at or below the
        threshold; and the mean value of the joints, a missing one counting as 0.
    """
    flat = np.asarray(heatmaps, np.float32).reshape(len(heatmaps), -1)
    usable = np.where(np.isfinite(flat), flat, -np.inf)
    cell, value = usable.argmax(axis=1), usable.max(axis=1)
    found = value > config.detection_threshold
    cell, value = np.where(found, cell, -1)[None], np.where(found, value, 0.0)[None]
    return _person(locate(cell, value, np.asarray(heatmaps, np.float32), config))


def best_peaks(peaks: Mapping[str, np.ndarray], columns: int, config: GroupingConfig) -> tuple[np.ndarray, np.ndarray]:
    """As `best_cells`, from the peaks of a model that finds them itself.

    Args:
        peaks: `peak_values`, `peak_cells` (K, M) and `peak_shifts` (K, M, 2), highest values first.
        columns: width of the maps that they were found in, cells.
        config: of it `detection_threshold` counts.
    """
    values, cells, shifts = (np.asarray(peaks[f"peak_{name}"]) for name in ("values", "cells", "shifts"))
    first = np.isfinite(values).argmax(axis=1)
    joint = np.arange(len(values))
    value, cell = values[joint, first], cells[joint, first]
    point = np.stack([cell % columns, cell // columns], axis=1) + 0.5 + shifts[joint, first]
    found = (value > config.detection_threshold) & np.isfinite(value)
    person = np.concatenate([point, value[:, None]], axis=1)
    return _person(np.where(found[:, None], person, 0.0)[None].astype(np.float32))


def _person(persons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The person (1, K, 3) with its score, or nobody where it has no joint."""
    persons = persons[persons[..., 2].any(axis=1)]
    return persons, persons[..., 2].mean(axis=1)
