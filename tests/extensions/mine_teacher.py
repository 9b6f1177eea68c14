"""A teacher that gives persons: the annotated ones, a little moved."""

from collections.abc import Sequence

import numpy as np

from teachers.contract import Surroundings, TeacherPersons
from teachers.registry import register


@register("shaky_hand")
class ShakyHand:
    """Knows the annotated persons and points beside their joints.

    Args:
        surroundings: of which it needs nothing.
        shift: pixels that every joint is moved to the right.
    """

    needs = ("persons",)

    def __init__(self, surroundings: Surroundings, *, shift: float = 0.5):
        self.shift = shift

    @property
    def attributes(self) -> dict:
        return {"shift": self.shift}

    def __call__(self, photographs: np.ndarray, *, persons: Sequence[np.ndarray]) -> TeacherPersons:
        """The persons of each photograph, all joints with confidence 0.9."""
        seen = [self._moved(each) for each in persons]
        return TeacherPersons(seen, [np.full(len(each), 0.9, np.float32) for each in seen])

    def _moved(self, persons: np.ndarray) -> np.ndarray:
        found = persons[..., 2:] > 0
        points = persons[..., :2] + (self.shift, 0.0)
        return (np.concatenate([points, np.full_like(found, 0.9, np.float32)], axis=-1) * found).astype(np.float32)
