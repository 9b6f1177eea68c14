"""Which of several findings are one person: object keypoint similarity (OKS) between predictions."""

from collections.abc import Sequence

import numpy as np

AREA = 0.6
"Of the box around a person's joints that the person covers, about."
SURE = 0.2
"Score from which a joint tells how large a person is."


def areas_of(persons: np.ndarray) -> np.ndarray:
    """(P,) square pixels that persons (P, K, 3) cover, by the box around their joints."""
    low, high = extents_of(persons)
    return np.maximum(AREA * (high - low).prod(axis=1), 1.0)


def extents_of(persons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest x, y (P, 2) of the joints that are sure, or of the five best where fewer are."""
    scores = persons[..., 2]
    fifth = np.sort(scores, axis=1)[:, -min(5, scores.shape[1]) :].min(axis=1, keepdims=True)
    sure = scores >= np.minimum(SURE, fifth)
    low = np.where(sure[..., None], persons[..., :2], np.inf).min(axis=1)
    high = np.where(sure[..., None], persons[..., :2], -np.inf).max(axis=1)
    return low, high


def similarity(one: np.ndarray, others: np.ndarray, areas: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """OKS (Q,) of one person (K, 3) with others (Q, K, 3) of areas (Q,): the mean over all joints."""
    squared = ((others[..., :2] - one[:, :2]) ** 2).sum(axis=-1)
    return np.exp(-squared / (2 * (2 * sigmas) ** 2 * areas[:, None])).mean(axis=1)


def best_of_each(persons: np.ndarray, scores: np.ndarray, sigmas: Sequence[float], above: float = 0.5) -> np.ndarray:
    """Places of the persons (P, K, 3) that no better one resembles, best first.

    Args:
        above: OKS from which two findings are one person.
    """
    areas, sigmas, kept = areas_of(persons), np.asarray(sigmas), []
    for row in np.argsort(-scores, kind="stable").tolist():
        if not kept or similarity(persons[row], persons[kept], areas[kept], sigmas).max() <= above:
            kept.append(row)
    return np.array(kept, dtype=np.int64)
