"""The picture that shows what a student learnt."""

from dataclasses import dataclass

import numpy as np

from distill.drawing.persons import draw_mask, draw_persons
from distill.drawing.sheet import contact_sheet
from distill.pose.skeleton import Skeleton

CELL = 256

CONFIDENT_PERSON, CONFIDENT_JOINT = 0.3, 0.15
"Lower scores rank last in an AP, but would cover a picture."


@dataclass(frozen=True)
class Panel:
    """One photograph (H, W, 3) uint8 RGB and what is said of it, in its pixels."""

    photograph: np.ndarray
    truth: np.ndarray
    "(P, K, 3) annotated x, y, visibility."
    teacher: np.ndarray
    "(P, K, 3) x, y, score."
    student: np.ndarray
    "(P, K, 3) x, y, score."
    attention: np.ndarray | None
    "(h, w) 0..1 over the same frame; None of a student that has none."


def confident(persons: np.ndarray, scores: np.ndarray, least: float = CONFIDENT_PERSON) -> np.ndarray:
    """The persons (P, K, 3) and joints that are sure enough to be drawn; other joints get score 0.

    Args:
        least: score of a person.
    """
    kept = persons[scores >= least].copy()
    kept[kept[..., 2] < CONFIDENT_JOINT] = 0
    return kept


def draw_results(panels: list[Panel], skeleton: Skeleton) -> np.ndarray:
    """A sheet (H, W, 3) uint8 RGB, a row a photograph: truth, teacher, student and, where it has one, attention."""
    rows = []
    for panel in panels:
        scale = max(1, CELL // max(panel.photograph.shape[:2]))
        persons = [
            draw_persons(panel.photograph, drawn, skeleton, scale=scale)
            for drawn in (panel.truth, panel.teacher, panel.student)
        ]
        attention = [] if panel.attention is None else [draw_mask(panel.photograph, panel.attention)]
        rows.append([panel.photograph, *persons, *attention])
    titles = ["photograph", "ground truth", "teacher", "student", "attention"]
    return contact_sheet(rows, titles[: max(map(len, rows))], CELL)
