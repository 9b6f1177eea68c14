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

    @torch.inference_mode()
    def __call__(self, answer: TeacherMaps | TeacherPersons, size: tuple[int, int]) -> Labels:
        """Labels of photographs of one size (width, height)."""
        if isinstance(answer, TeacherPersons):
            return self._of_persons(answer, size)
        found = persons_of_maps(answer, self.skeleton, self.grouping)
        return Labels(self._resampled(answer, size), found.persons, found.scores, self._measured(answer, size))

    def _of_persons(self, answer: TeacherPersons, size: tuple[int, int]) -> Labels:
        peaks = answer.peaks
        if peaks is None:
            peaks = [peaks_of_persons(persons, max(size)) for persons in answer.persons]
        peaks = [_inside(some[some[:, 3] > self.noise_floor], size, max(size) / self.map_size) for some in peaks]
        return Labels(np.stack([self._drawn(some, size) for some in peaks]), answer.persons, answer.scores, peaks)

    def _drawn(self, peaks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Maps (K, S, S) of one photograph."""
        shape = (1, len(self.skeleton), self.map_size, self.map_size)
        to_map = self._to_map(size)
        points = np.column_stack([geometry.transform(to_map, peaks[:, 1:3]), peaks[:, 3]])
        drawn = render(torch.from_numpy(points).float(), torch.from_numpy(peaks[:, 0]).long(), shape, DRAWN_SIGMA)
        return resample(drawn, np.eye(2, 3), shape[:1:-1], photograph_box(size, to_map))[0].numpy()

    def _resampled(self, maps: TeacherMaps, size: tuple[int, int]) -> np.ndarray:
        to_map = self._to_map(size)
        matrix = geometry.compose(geometry.invert(maps.to_map), to_map)
        box = photograph_box(size, to_map)
        return resample(maps.heatmaps.float(), matrix, (self.map_size, self.map_size), box).cpu().numpy()

    def _measured(self, maps: TeacherMaps, size: tuple[int, int]) -> list[np.ndarray]:
        to_photograph = geometry.invert(maps.to_map)
        views = maps.views or (View(maps.heatmaps.float(), maps.to_map),)
        measured = []
        for number, heatmaps in enumerate(maps.heatmaps.float().cpu().numpy()):
            found = find_peaks(heatmaps, self.noise_floor)
            places = geometry.transform(to_photograph, found[:, 1:3])
            own = [(view.heatmaps[number], view.to_map) for view in views]
            measured.append(_inside(measure_peaks(found[:, 0].astype(int), places, own), size, to_photograph[0, 0]))
        return measured

    def _to_map(self, size: tuple[int, int]) -> np.ndarray:
        return geometry.letterbox(size, (self.map_size, self.map_size))


def persons_of_maps(maps: TeacherMaps, skeleton: Skeleton, grouping: GroupingConfig) -> TeacherPersons:
    """Persons of each photograph; without tags nothing tells them apart, and there is at most one."""
    to_photograph = geometry.invert(maps.to_map)
    if maps.tags is None:
        heatmaps = maps.heatmaps.float().cpu().numpy()
        found = [best_cells(each, grouping) for each in heatmaps]
    else:
        grouped = (group(*pair, skeleton, grouping) for pair in zip(maps.heatmaps, maps.tags, strict=True))
        found = [(persons.numpy(), scores.numpy()) for persons, scores in grouped]
    persons, scores = zip(*found, strict=True)
    return TeacherPersons([_moved(each, to_photograph) for each in persons], scores)


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


def _inside(peaks: np.ndarray, size: tuple[int, int], margin: float) -> np.ndarray:
    """Peaks (M, 5) within a photograph; those outside by at most a margin, in pixels, come to its border."""
    inside = np.clip(peaks[:, 1:3], 0, size)
    kept = (np.abs(inside - peaks[:, 1:3]) <= margin).all(-1)
    return np.column_stack([peaks[:, :1], inside, peaks[:, 3:]])[kept].astype(np.float32)


def _moved(persons: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3) moved by a matrix; joints of score 0, which were not found, stay zero."""
    points = geometry.transform(matrix, persons[..., :2])
    return np.concatenate([points, persons[..., 2:]], axis=-1) * (persons[..., 2:] > 0)
