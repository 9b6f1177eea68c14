"""Whether a model in a lower precision still sees the people that it sees in float32, where nobody annotated any."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distill.evaluation.exported import exported_predictor
from mobile.runtime import LiteRTModel
from teachers.similarity import areas_of, similarity

LEAST_SCORE = 0.1
"Of the persons that count."


class Agreement:
    """Compares two models on photographs, letterboxed or not, (H, W, 3) uint8 RGB each."""

    def __init__(self, photographs: Sequence[np.ndarray]):
        self.photographs = photographs
        self._found: dict[Path, list[np.ndarray]] = {}

    def __call__(self, path: Path, reference: Path) -> float | None:
        """Mean OKS, 0..1, of each person of either model with the nearest of the other; None where both see nobody."""
        sigmas = np.array(exported_predictor(LiteRTModel(path)).skeleton.sigmas)
        pairs = list(zip(self._persons(path), self._persons(reference), strict=True))
        near = [nearest(*two, sigmas) for one, other in pairs for two in ((one, other), (other, one))]
        return float(np.mean(np.concatenate(near))) if any(map(len, near)) else None

    def _persons(self, path: Path) -> list[np.ndarray]:
        if path not in self._found:
            predictor = exported_predictor(LiteRTModel(path))
            found = (predictor([photograph])[0] for photograph in self.photographs)
            self._found[path] = [persons[scores >= LEAST_SCORE] for persons, scores in found]
        return self._found[path]


def nearest(persons: np.ndarray, others: np.ndarray, sigmas: np.ndarray) -> list[float]:
    """OKS, 0..1, of each of the persons (P, K, 3) with the nearest of others (Q, K, 3); `sigmas` (K,) of the joints."""
    return [_nearest(person, others, sigmas) for person in persons]


def _nearest(person: np.ndarray, others: np.ndarray, sigmas: np.ndarray) -> float:
    """OKS of a person (K, 3), by the joints that it has, with the nearest of others (P, K, 3); 0 without others."""
    if not len(others):
        return 0.0
    seen = person[:, 2] > 0
    areas = np.repeat(areas_of(person[None]), len(others))
    return float(similarity(person[seen], others[:, seen], areas, sigmas[seen]).max())
