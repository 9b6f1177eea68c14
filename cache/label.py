"""One image's soft label, and how its persons are laid out in arrays of fixed size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cache import peaks
from cache.encoding import LinearEncoding


@dataclass(frozen=True)
class SoftLabel:
    """What the teacher saw in one image."""

    heatmap: np.ndarray
    "(K, H, W) float32, 0..1."
    to_map: np.ndarray
    "(2, 3) float64, photograph to map coordinates, both continuous."
    persons: np.ndarray
    "(P, K, 3) float32: x, y in photograph pixels, score."
    person_score: np.ndarray
    "(P,) float32."
    peaks: np.ndarray | None
    "(M, 5) float32 joint, x, y in photograph pixels, confidence, width in pixels; None in stores of version 1."


@dataclass(frozen=True)
class StoredLabel:
    """One image's label as it is stored, a quarter of the size of what it decodes to."""

    image_id: int
    codes: np.ndarray
    "(K, H, W) uint8, the encoded heatmaps."
    to_map: np.ndarray
    "(2, 3) float64, photograph to map coordinates."
    persons: np.ndarray
    "(rows, K, 3) float32, unused rows zero."
    person_score: np.ndarray
    "(rows,) float32."
    long_side: int
    "Of the photograph, pixels."
    encoding: LinearEncoding
    peak: np.ndarray | None = None
    "(rows, 5) uint16, packed peaks; None in stores of version 1."

    def decode(self) -> SoftLabel:
        """What a teacher saw."""
        persons, scores = used_persons(self.persons, self.person_score)
        found = None if self.peak is None else peaks.unpack(self.peak, self.long_side)
        return SoftLabel(self.encoding.decode(self.codes), self.to_map, persons, scores, found)


def pad_persons(
    persons: Sequence[np.ndarray], scores: Sequence[np.ndarray], rows: int, num_keypoints: int
) -> dict[str, np.ndarray]:
    """Arrays `persons` (n, rows, K, 3) and `person_score` (n, rows), unused rows zero.

    Args:
        persons: n arrays (P, K, 3); where P exceeds `rows` the best are kept, in their order.
        scores: n arrays (P,).
    """
    padded = np.zeros((len(persons), rows, num_keypoints, 3), np.float32)
    padded_scores = np.zeros((len(persons), rows), np.float32)
    for i, (some, score) in enumerate(zip(persons, scores, strict=True)):
        best = np.sort(np.argsort(-np.asarray(score), kind="stable")[:rows])
        padded[i, : len(best)] = np.asarray(some).reshape(-1, num_keypoints, 3)[best]
        padded_scores[i, : len(best)] = np.asarray(score)[best]
    return {"persons": padded, "person_score": padded_scores}


def used_persons(persons: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of (P, K, 3) and (P,) that hold a person with a joint of positive score."""
    used = persons[..., 2].any(axis=1)
    return persons[used], scores[used]
