"""Several teachers as one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from teachers.contract import Surroundings, TeacherMaps, TeacherPersons, View
from teachers.inner import as_persons, inner_teacher
from teachers.registry import register
from teachers.similarity import areas_of, similarity


class _Finding(NamedTuple):
    """A person as one teacher saw it."""

    teacher: int
    person: np.ndarray
    "(K, 3) x, y, score."
    score: float


@register("ensemble")
class Ensemble:
    """Several teachers' maps averaged, or their persons matched.

    Where all of them give maps, these are averaged on the first one's grid, and tags stand beside one another.
    Otherwise maps become persons first. Persons of several teachers are one where their OKS is high enough; each of
    its joints lies at the mean, weighted by scores, of those teachers that agree with the surest. Who is missed by
    some has a lower score by as much.

    Args:
        surroundings: as each teacher needs them.
        teachers: two or more, each as {name: ..., its options}.
        weights: how much each counts; equal by default.
        same: OKS from which findings of two teachers are one person, 0..1.
        confidence: persons of a lower score are left out, 0..1.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        teachers: list[dict[str, Any]],
        weights: tuple[float, ...] | None = None,
        same: float = 0.5,
        confidence: float = 0.0,
    ):
        if len(teachers) < 2:
            raise ValueError(f"teachers needs two or more, not {len(teachers)}")
        if weights is not None and (len(weights) != len(teachers) or min(weights) <= 0):
            raise ValueError(f"weights needs {len(teachers)} positive numbers, one a teacher, not {list(weights)}")
        for name, value in (("same", same), ("confidence", confidence)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in 0..1, not {value}")
        self._surroundings = surroundings
        self._teachers = [
            inner_teacher(surroundings, choice, f"teachers.{number}", "ensemble")
            for number, choice in enumerate(teachers)
        ]
        self._names = [choice["name"] if isinstance(choice, dict) else choice for choice in teachers]
        self.weights = np.array(weights or [1.0] * len(teachers)) / sum(weights or [1.0] * len(teachers))
        self.same, self.confidence = same, confidence
        self.needs = tuple(dict.fromkeys(need for teacher in self._teachers for need in teacher.needs))

    @property
    def attributes(self) -> dict[str, Any]:
        """Those of each teacher, and how they are put together."""
        own = [{"name": name, **teacher.attributes} for name, teacher in zip(self._names, self._teachers, strict=True)]
        return {"teachers": own, "weights": self.weights.tolist(), "same": self.same, "confidence": self.confidence}

    def __call__(self, photographs: np.ndarray, **needed: Sequence) -> TeacherMaps | TeacherPersons:
        """Maps where all teachers give maps, else persons."""
        answers = [teacher(photographs, **{need: needed[need] for need in teacher.needs}) for teacher in self._teachers]
        if all(isinstance(answer, TeacherMaps) for answer in answers):
            return _averaged(answers, self.weights)
        found = [as_persons(self._surroundings, answer) for answer in answers]
        merged = [
            self._merged([(each.persons[number], each.scores[number]) for each in found])
            for number in range(len(photographs))
        ]
        persons, scores = zip(*merged, strict=True)
        return TeacherPersons(persons, scores)

    def _merged(self, found: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        """Persons and scores of one photograph from those of each teacher."""
        findings = [
            _Finding(teacher, np.asarray(person, np.float64), float(score))
            for teacher, (persons, scores) in enumerate(found)
            for person, score in zip(persons, scores, strict=True)
        ]
        findings.sort(key=lambda finding: -finding.score)
        persons, scores = [], []
        while findings:
            group = self._group_of(findings)
            findings = [finding for finding in findings if not any(finding is one for one in group)]
            score = sum(self.weights[one.teacher] * one.score for one in group)
            if score >= self.confidence:
                persons.append(self._joined(group))
                scores.append(score)
        joints = len(self._surroundings.joints)
        return np.array(persons, np.float32).reshape(-1, joints, 3), np.array(scores, np.float32).clip(0, 1)

    def _group_of(self, findings: Sequence[_Finding]) -> list[_Finding]:
        """The first finding, and of each other teacher the one that resembles it most, if it does so enough."""
        first, *others = findings
        area, group = areas_of(first.person[None]), [first]
        for teacher in range(len(self._teachers)):
            theirs = [each for each in others if each.teacher == teacher]
            if teacher == first.teacher or not theirs:
                continue
            persons = np.stack([each.person for each in theirs])
            alike = similarity(first.person, persons, np.repeat(area, len(theirs)), self._surroundings.sigmas)
            if alike.max() > self.same:
                group.append(theirs[int(alike.argmax())])
        return group

    def _joined(self, group: Sequence[_Finding]) -> np.ndarray:
        """One person (K, 3) of what several teachers saw of it."""
        seen = np.stack([one.person for one in group])
        weights = np.array([self.weights[one.teacher] for one in group])[:, None]
        heavy = weights * seen[..., 2]
        surest = seen[heavy.argmax(axis=0), np.arange(seen.shape[1])]
        squared = ((seen[..., :2] - surest[:, :2]) ** 2).sum(axis=-1)
        area = areas_of(seen).max()
        agrees = np.exp(-squared / (2 * (2 * self._surroundings.sigmas) ** 2 * area)) > self.same
        heavy = heavy * agrees
        total = heavy.sum(axis=0)
        places = (heavy[..., None] * seen[..., :2]).sum(axis=0) / np.maximum(total, 1e-12)[:, None]
        joined = np.column_stack([places, total / weights.sum()])
        return np.where(joined[:, 2:] > 0, joined, 0)


def _averaged(answers: Sequence[TeacherMaps], weights: np.ndarray) -> TeacherMaps:
    """Weighted mean of heatmaps, and all tags, on the first teacher's grid."""
    first = answers[0]
    heatmaps = sum(float(w) * _on_grid(each.heatmaps, each, first) for each, w in zip(answers, weights, strict=True))
    tags = [_tags_on_grid(each, first) for each in answers if each.tags is not None]
    views = tuple(view for each in answers for view in each.views or (View(each.heatmaps.float(), each.to_map),))
    return TeacherMaps(heatmaps, torch.cat(tags, dim=-1) if tags else None, first.to_map, views)


def _tags_on_grid(answer: TeacherMaps, first: TeacherMaps) -> torch.Tensor:
    each = answer.tags.unbind(dim=-1)
    return torch.stack([_on_grid(tags, answer, first) for tags in each], dim=-1)


def _on_grid(maps: torch.Tensor, answer: TeacherMaps, first: TeacherMaps) -> torch.Tensor:
    """Maps (B, K, h, w) of an answer where the first one's cells are, bilinear; 0 beside them."""
    if answer is first:
        return maps.float()
    height, width = first.heatmaps.shape[-2:]
    own_height, own_width = maps.shape[-2:]
    scale = answer.to_map[[0, 1], [0, 1]] / first.to_map[[0, 1], [0, 1]]
    shift = answer.to_map[:, 2] - scale * first.to_map[:, 2]
    x = ((torch.arange(width) + 0.5) * scale[0] + shift[0]) * 2 / own_width - 1
    y = ((torch.arange(height) + 0.5) * scale[1] + shift[1]) * 2 / own_height - 1
    row, column = torch.meshgrid(y, x, indexing="ij")
    grid = torch.stack([column, row], dim=-1).to(maps.device, torch.float32).expand(len(maps), -1, -1, -1)
    return functional.grid_sample(maps.float(), grid, align_corners=False)
