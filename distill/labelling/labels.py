"""From what a teacher answers to what is stored: maps on the store's grid, persons and peaks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from distill.heads.rendering import render
from distill.labelling.resample import photograph_box, resample
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig, group
from distill.pose.paraboloids import measure_peaks
from distill.pose.peaks import find_peaks
from distill.pose.single_person import best_cells
from distill.pose.skeleton import Skeleton
from teachers.contract import TeacherMaps, TeacherPersons, View

PERSON_WIDTH = 0.04
"Width of the peaks of a teacher that gives persons only, in parts of the longer side of the box around their joints."
LEAST_WIDTH = 0.004
"Least width of such peaks, in parts of the photograph's long side."
DRAWN_SIGMA = 1.5
"Standard deviation, in cells, at which the maps of such a teacher are drawn."

Size = tuple[int, int]


@dataclass(frozen=True)
class Labels:
    """Soft labels of some photographs, in the order of these."""

    heatmaps: np.ndarray
    "(B, K, S, S) float32, 0..1, on the store's grid; zero outside of the photograph."
    persons: Sequence[np.ndarray]
    "(P, K, 3) x, y in photograph pixels, score."
    scores: Sequence[np.ndarray]
    "(P,) of the persons."
    peaks: Sequence[np.ndarray]
    "(M, 5) joint, x, y in photograph pixels, confidence, width in pixels."


@dataclass(frozen=True)
class Labeller:
    """Makes labels of a teacher's answers, maps or persons."""

    skeleton: Skeleton
    grouping: GroupingConfig
    "How maps become persons."
    map_size: int
    "Side S of the stored maps, cells; the photograph's long side fills it."
    noise_floor: float
    "Cells at or below it are no peaks, 0..1."
    persons: bool = True
    "Whether maps become persons; without, there are none."

    @torch.inference_mode()
    def __call__(self, answer: TeacherMaps | TeacherPersons, sizes: Sequence[Size]) -> Labels:
        """Labels of photographs of such sizes (width, height)."""
        if isinstance(answer, TeacherPersons):
            return self._of_persons(answer, sizes)
        found = persons_of_maps(answer, self.skeleton, self.grouping) if self.persons else self._nobody(len(sizes))
        maps = np.stack([self._resampled(answer, number, size) for number, size in enumerate(sizes)])
        peaks = [self._measured(answer, number, size) for number, size in enumerate(sizes)]
        return Labels(maps, found.persons, found.scores, peaks)

    def _nobody(self, photographs: int) -> TeacherPersons:
        nobody = np.zeros((0, len(self.skeleton), 3), np.float32), np.zeros(0, np.float32)
        return TeacherPersons(*zip(*[nobody] * photographs, strict=True))

    def _of_persons(self, answer: TeacherPersons, sizes: Sequence[Size]) -> Labels:
        found = answer.peaks
        if found is None:
            found = [peaks_of_persons(*each) for each in zip(answer.persons, map(max, sizes), strict=True)]
        peaks = [
            _inside(some[some[:, 3] > self.noise_floor], size, max(size) / self.map_size)
            for some, size in zip(found, sizes, strict=True)
        ]
        maps = np.stack([self._drawn(*each) for each in zip(peaks, sizes, strict=True)])
        return Labels(maps, answer.persons, answer.scores, peaks)

    def _drawn(self, peaks: np.ndarray, size: Size) -> np.ndarray:
        """Maps (K, S, S) of one photograph."""
        shape = (1, len(self.skeleton), self.map_size, self.map_size)
        to_map = self._to_map(size)
        points = np.column_stack([geometry.transform(to_map, peaks[:, 1:3]), peaks[:, 3]])
        drawn = render(torch.from_numpy(points).float(), torch.from_numpy(peaks[:, 0]).long(), shape, DRAWN_SIGMA)
        return resample(drawn, np.eye(2, 3), shape[:1:-1], photograph_box(size, to_map))[0].numpy()

    def _resampled(self, maps: TeacherMaps, number: int, size: Size) -> np.ndarray:
        """Maps (K, S, S) of one photograph."""
        to_map = self._to_map(size)
        matrix = geometry.compose(geometry.invert(maps.matrix(number)), to_map)
        box = photograph_box(size, to_map)
        return resample(maps.heatmaps[number].float(), matrix, (self.map_size, self.map_size), box).cpu().numpy()

    def _measured(self, maps: TeacherMaps, number: int, size: Size) -> np.ndarray:
        """Peaks (M, 5) of one photograph."""
        to_photograph = geometry.invert(maps.matrix(number))
        views = maps.views or (View(maps.heatmaps.float(), maps.to_map),)
        found = find_peaks(maps.heatmaps[number].float().cpu().numpy(), self.noise_floor)
        places = geometry.transform(to_photograph, found[:, 1:3])
        own = [(view.heatmaps[number], view.matrix(number)) for view in views]
        return _inside(measure_peaks(found[:, 0].astype(int), places, own), size, to_photograph[0, 0])

    def _to_map(self, size: Size) -> np.ndarray:
        return geometry.letterbox(size, (self.map_size, self.map_size))


def persons_of_maps(maps: TeacherMaps, skeleton: Skeleton, grouping: GroupingConfig) -> TeacherPersons:
    """Persons of each photograph; without tags nothing tells them apart, and there is at most one."""
    if maps.tags is None:
        heatmaps = maps.heatmaps.float().cpu().numpy()
        found = [best_cells(each, grouping) for each in heatmaps]
    else:
        grouped = (group(*pair, skeleton, grouping) for pair in zip(maps.heatmaps, maps.tags, strict=True))
        found = [(persons.numpy(), scores.numpy()) for persons, scores in grouped]
    persons, scores = zip(*found, strict=True)
    moved = [_moved(each, geometry.invert(maps.matrix(number))) for number, each in enumerate(persons)]
    return TeacherPersons(moved, scores)


def peaks_of_persons(persons: np.ndarray, long_side: float) -> np.ndarray:
    """The joints of persons (P, K, 3) that were found, as peaks (M, 5) float32 in photograph pixels.

    The confidence is the joint's score, the width `PERSON_WIDTH` of the person's size.

    Args:
        long_side: of the photograph, pixels.
    """
    persons = np.asarray(persons, dtype=np.float32)
    is_found = persons[..., 2] > 0
    low, high = (
        reduce(np.where(is_found[..., None], persons[..., :2], empty), axis=1)
        for reduce, empty in ((np.min, np.inf), (np.max, -np.inf))
    )
    width = np.maximum(PERSON_WIDTH * (high - low).max(-1), LEAST_WIDTH * long_side)
    person, joint = np.nonzero(is_found)
    return np.column_stack([joint, persons[person, joint], width[person]]).astype(np.float32).reshape(-1, 5)


def _inside(peaks: np.ndarray, size: Size, margin: float) -> np.ndarray:
    """Peaks (M, 5) within a photograph; those outside by at most a margin, in pixels, come to its border."""
    inside = np.clip(peaks[:, 1:3], 0, size)
    kept = (np.abs(inside - peaks[:, 1:3]) <= margin).all(-1)
    return np.column_stack([peaks[:, :1], inside, peaks[:, 3:]])[kept].astype(np.float32)


def _moved(persons: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3) moved by a matrix; joints of score 0, which were not found, stay zero."""
    points = geometry.transform(matrix, persons[..., :2])
    return np.concatenate([points, persons[..., 2:]], axis=-1) * (persons[..., 2:] > 0)
