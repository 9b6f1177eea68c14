"""Joints that grouping found no peak for, where heatmaps and tags speak most for them.

The refinement of HigherHRNet (Cheng et al., CVPR 2020).
"""

import numpy as np

_BRIGHT = 0.05
"Cells at least so high are looked at first when a joint is missing; what is found does not depend on it."
_BLOCK = 1 << 16
"Cells, times persons, that are looked at at once: as many as the processor's cache holds."


def fill_missing(cell: np.ndarray, value: np.ndarray, tag: np.ndarray, heatmaps: np.ndarray, tags: np.ndarray):
    """Fill the gaps of persons in place, each where heatmap minus rounded distance of tags is highest.

    A joint whose heatmap is not above 0 there stays missing.

    Args:
        cell: (P, K) flat cells of their joints, -1 where one is missing.
        value: (P, K) heatmap values there.
        tag: (P, T) mean tags of the persons.
        heatmaps: (K, H, W).
        tags: (K, H, W, T).
    """
    heatmaps = heatmaps.reshape(len(heatmaps), -1)
    tags = tags.reshape(*heatmaps.shape, -1)
    tag = tag.astype(np.float32)
    persons, joints = np.nonzero(cell < 0)
    for joint in np.unique(joints).tolist():
        person = persons[joints == joint]
        best = _best_cells(heatmaps[joint], tags[joint], tag[person])
        found = heatmaps[joint, best]
        person, best, found = person[found > 0], best[found > 0], found[found > 0]
        cell[person, joint], value[person, joint] = best, found


def _best_cells(heatmap: np.ndarray, tags: np.ndarray, tag: np.ndarray) -> np.ndarray:
    """The cell (P,) of a heatmap (N,) with tags (N, T) that speaks most for each of persons with tags (P, T)."""
    bright = np.flatnonzero(heatmap >= _BRIGHT)
    best, evidence = _most_evident(heatmap[bright], tags[bright], tag)
    # No other cell reaches this evidence; without it, any cell may be the best.
    unsure = evidence < _BRIGHT
    best[~unsure] = bright[best[~unsure]]
    best[unsure] = _most_evident(heatmap, tags, tag[unsure])[0]
    return best


def _most_evident(heatmap: np.ndarray, tags: np.ndarray, tag: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First cell (P,) of highest evidence and that evidence (P,), 0 and -1 where there is no cell; as `_best_cells`."""
    persons = np.arange(len(tag))
    best, highest = np.zeros(len(tag), int), np.full(len(tag), -1.0 if not len(heatmap) else -np.inf)
    block = _BLOCK // max(len(tag), 1)
    for start in range(0, len(heatmap) if len(tag) else 0, block):
        part = slice(start, start + block)
        evidence = _distance(tags[part], tag)
        np.rint(evidence, out=evidence)
        np.subtract(heatmap[part], evidence, out=evidence)
        cell = evidence.argmax(axis=1)
        found = evidence[persons, cell]
        better = found > highest
        best[better], highest[better] = start + cell[better], found[better]
    return best, highest


def _distance(tags: np.ndarray, tag: np.ndarray) -> np.ndarray:
    """Distances (P, N) of tags (N, T) to tags (P, T)."""
    squared = None
    for t in range(tags.shape[1]):
        difference = np.subtract.outer(tag[:, t], np.ascontiguousarray(tags[:, t]))
        if tags.shape[1] == 1:
            return np.abs(difference, out=difference)
        np.square(difference, out=difference)
        squared = difference if squared is None else np.add(squared, difference, out=squared)
    return np.sqrt(squared, out=squared)
