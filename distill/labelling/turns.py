"""A teacher that also looks at photographs turned by quarters: for people who stand on their hands."""

import numpy as np

from distill.system.errors import InputError
from teachers.contract import Teacher, TeacherPersons
from teachers.similarity import best_of_each

TURNS = (1, 2, 4)
"Looks at a photograph: upright; upright and upside down; by every quarter."


class Turned:
    """What a teacher of persons finds in several turns; of findings that are one person the best counts.

    Its peaks are the joints of these persons.

    Args:
        teacher: needs nothing but photographs.
        turns: one of `TURNS`.
        sigmas: (K,) of the joints, for their similarity.

    Raises:
        InputError: the teacher is told where to look, or, when called, gives maps.
    """

    needs = ()

    def __init__(self, teacher: Teacher, turns: int, sigmas: np.ndarray):
        if teacher.needs:
            raise InputError(
                f"teacher.turns is {turns}, but this teacher is given {' and '.join(teacher.needs)} of upright "
                "photographs; leave it at 1"
            )
        self.teacher, self.turns, self.sigmas = teacher, turns, sigmas

    @property
    def attributes(self) -> dict:
        """The teacher's own, and the turns."""
        return {**self.teacher.attributes, "turns": self.turns}

    def __call__(self, photographs: np.ndarray) -> TeacherPersons:
        """Persons of photographs (B, H, W, 3) in their own pixels."""
        looks = [self._look(photographs, quarter) for quarter in range(0, 4, 4 // self.turns)]
        persons, scores = [], []
        for found in zip(*looks, strict=True):
            some = np.concatenate([each for each, _ in found])
            some_scores = np.concatenate([each for _, each in found])
            best = best_of_each(some, some_scores, self.sigmas)
            persons.append(some[best])
            scores.append(some_scores[best])
        return TeacherPersons(persons, scores)

    def _look(self, photographs: np.ndarray, quarter: int) -> list[tuple[np.ndarray, np.ndarray]]:
        turned = np.ascontiguousarray(np.rot90(photographs, quarter, axes=(1, 2)))
        answer = self.teacher(turned)
        if not isinstance(answer, TeacherPersons):
            raise InputError(f"teacher.turns is {self.turns}, but this teacher gives maps, not persons; leave it at 1")
        size = photographs.shape[2], photographs.shape[1]
        upright = [turned_back(persons, quarter, size) for persons in answer.persons]
        return list(zip(upright, answer.scores, strict=True))


def turned_back(persons: np.ndarray, quarter: int, size: tuple[int, int]) -> np.ndarray:
    """Persons (P, K, 3) seen in a photograph that was turned by quarters against the clock, in its own pixels.

    Args:
        size: width and height of the photograph before.
    """
    width, height = size
    x, y, score = np.moveaxis(np.asarray(persons), -1, 0)
    x, y = ((x, y), (width - y, x), (width - x, height - y), (y, height - x))[quarter]
    return np.stack([x, y, score], axis=-1)
