"""Somebody else's persons, each looked at again in a crop by a network for one person."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from teachers.contract import Surroundings, TeacherPersons
from teachers.crop_network import CropNetwork
from teachers.inner import as_persons, inner_teacher
from teachers.registry import register
from teachers.similarity import areas_of, best_of_each, extents_of

_DOUBTED = 0.5
"Of its score that a person keeps whom the crop's network sees otherwise."


@register("top_down")
class TopDown:
    """A network for one person on the crop of each person that another teacher, or an annotation, gives.

    A crop's finding counts where it agrees with the person it was made for (OKS, joints weighted by their scores);
    where it does not, that person stays at half its score. Annotated boxes have no joints to disagree with.

    Args:
        surroundings: joints must be those of the network, in its order.
        network: .onnx file: MoveNet Thunder or Lightning, or any other with a YAML of the same name beside it.
        persons: the teacher that gives persons, as {name: ..., its options}; by default the annotated boxes.
        rounds: looks at each person, each on the crop that the one before suggests.
        agreement: least OKS with the person that was given, 0..1.
        confidence: persons of a lower score are not looked at again, 0..1.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        network: Path,
        persons: Mapping[str, Any] | None = None,
        rounds: int = 2,
        agreement: float = 0.5,
        confidence: float = 0.05,
    ):
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, not {rounds}")
        if not 0 <= agreement <= 1:
            raise ValueError(f"agreement must lie in 0..1, not {agreement}")
        self._first = None if persons is None else inner_teacher(surroundings, persons, "persons", "top_down")
        self._surroundings = surroundings
        self._network = CropNetwork(Path(network), surroundings.device)
        if self._network.description.joints != surroundings.joints:
            raise ValueError(
                f"network {network} finds {len(self._network.description.joints)} joints that are not those of the "
                "skeleton, in its order"
            )
        self.rounds, self.agreement, self.confidence = rounds, agreement, confidence
        self.sigmas = surroundings.sigmas
        self.needs = ("boxes",) if self._first is None else self._first.needs

    @property
    def attributes(self) -> dict[str, Any]:
        """Weights and settings of both."""
        return {
            "weights_sha256": self._network.sha256,
            "persons": "boxes" if self._first is None else dict(self._first.attributes),
            "rounds": self.rounds,
            "agreement": self.agreement,
            "confidence": self.confidence,
            "margin": self._network.description.margin,
        }

    def __call__(self, photographs: np.ndarray, **needed: Sequence) -> TeacherPersons:
        """Persons of each photograph, looked at again."""
        if self._first is None:
            found = [self._in_boxes(*pair) for pair in zip(photographs, needed["boxes"], strict=True)]
        else:
            first = as_persons(self._surroundings, self._first(photographs, **needed))
            triples = zip(photographs, first.persons, first.scores, strict=True)
            found = [self._again(*triple) for triple in triples]
        persons, scores = zip(*found, strict=True)
        return TeacherPersons(persons, scores)

    def _in_boxes(self, photograph: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        persons = [self._looked(photograph, box[:2], box[:2] + box[2:]) for box in np.asarray(boxes, dtype=np.float64)]
        persons = np.array(persons, dtype=np.float32).reshape(-1, len(self.sigmas), 3)
        return persons, persons[..., 2].mean(axis=1)

    def _again(self, photograph: np.ndarray, persons: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        persons, scores = np.array(persons, dtype=np.float64), np.array(scores, dtype=np.float64)
        if not len(persons):
            return persons.astype(np.float32), scores.astype(np.float32)
        low, high = extents_of(persons)
        areas = areas_of(persons)
        for row in np.flatnonzero(scores > self.confidence).tolist():
            seen = self._looked(photograph, low[row], high[row])
            agreed = self._agreement(persons[row], seen, areas[row])
            if agreed > self.agreement:
                scores[row] *= agreed * seen[:, 2].mean() / max(persons[row, :, 2].mean(), 1e-3)
                persons[row] = seen
            else:
                scores[row] *= _DOUBTED
        best = best_of_each(persons, scores, self.sigmas)
        return persons[best].astype(np.float32), scores[best].clip(0, 1).astype(np.float32)

    def _looked(self, photograph: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        for _ in range(self.rounds):
            seen = self._network(photograph, low, high)
            (low,), (high,) = extents_of(seen[None])
        return seen

    def _agreement(self, given: np.ndarray, seen: np.ndarray, area: float) -> float:
        """OKS of two persons (K, 3), each joint as heavy as it was sure."""
        squared = ((given[:, :2] - seen[:, :2]) ** 2).sum(axis=1)
        near = np.exp(-squared / (2 * (2 * self.sigmas) ** 2 * area))
        weights = given[:, 2] + 1e-6
        return float((near * weights).sum() / weights.sum())
