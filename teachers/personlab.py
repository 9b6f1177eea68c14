"""People from heatmaps and offsets, as PersonLab finds them (Papandreou et al., ECCV 2018), with PoseNet's tree.

Persons grow from the highest peaks along a tree of joints: a mid-range offset leads from one joint to the next, and the
short-range offset of the cell that it reaches says where in the photograph that joint is.
"""

from dataclasses import dataclass

import cv2
import numpy as np

TREE = (
    *(("nose", "left_eye"), ("left_eye", "left_ear"), ("nose", "right_eye"), ("right_eye", "right_ear")),
    *(("nose", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")),
    *(("left_shoulder", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle")),
    *(("nose", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist")),
    *(("right_shoulder", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle")),
)
"Edges of the tree by the joints' names, from parent to child, in the order of the mid-range offsets."
_REFINEMENTS = 2
"Times that a joint which an offset led to is corrected by the short-range offset there."


@dataclass(frozen=True)
class PersonLabMaps:
    """One photograph's maps; places are pixels of the network's input, cell u at u x stride."""

    heatmaps: np.ndarray
    "(h, w, K) 0..1."
    short: np.ndarray
    "(h, w, 2, K) y, x pixels from a cell to the joint."
    forward: np.ndarray
    "(h, w, 2, E) y, x pixels from the parent of an edge to its child."
    backward: np.ndarray
    "(h, w, 2, E) likewise, from the child to its parent."
    stride: float
    "Pixels from one cell to the next."


@dataclass(frozen=True)
class PersonLabConfig:
    """How people are found.

    Raises:
        ValueError: a field is out of range.
    """

    threshold: float = 0.3
    "Height of a peak from which a person may begin, 0..1."
    same: float = 20.0
    "Pixels of the input within which a joint of another person is the same one."
    max_persons: int = 30
    "The most that are found in a photograph."

    def __post_init__(self):
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must lie in 0..1, not {self.threshold}")
        if self.same < 0:
            raise ValueError(f"same must not be negative, not {self.same}")
        if self.max_persons < 1:
            raise ValueError(f"max_persons must be at least 1, not {self.max_persons}")


def decode(
    maps: PersonLabMaps, tree: tuple[tuple[int, int], ...], config: PersonLabConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Persons (P, K, 3) y, x in pixels of the input and score, and their scores (P,), best first.

    A person's score is the mean over all joints of the scores of those that no better person has.

    Args:
        tree: parent and child of each edge, as numbers of joints.
    """
    persons = np.zeros((0, maps.heatmaps.shape[-1], 3))
    for y, x, joint in _peaks(maps.heatmaps, config.threshold):
        start = _refined(maps, joint, np.array([y, x]) * maps.stride)
        if _near(persons, start, joint, config.same):
            continue
        persons = np.concatenate([persons, _grown(maps, tree, joint, start)[None]])
        if len(persons) == config.max_persons:
            break
    scores = np.array([_own_score(person, persons[:row], config.same) for row, person in enumerate(persons)])
    order = np.argsort(-scores, kind="stable")
    return persons[order], scores[order].reshape(-1)


def _peaks(heatmaps: np.ndarray, threshold: float) -> list[tuple[int, int, int]]:
    """Row, column and joint of cells above the threshold that no neighbour exceeds, highest first."""
    highest = cv2.dilate(heatmaps, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    found = np.argwhere((heatmaps >= highest.reshape(heatmaps.shape)) & (heatmaps > threshold))
    heights = heatmaps[tuple(found.T)]
    return [tuple(row) for row in found[np.argsort(-heights, kind="stable")].tolist()]


def _cell(maps: PersonLabMaps, place: np.ndarray) -> tuple[int, int]:
    """Row and column of the cell nearest to a place y, x."""
    row, column = np.rint(place / maps.stride).astype(int)
    height, width = maps.heatmaps.shape[:2]
    return int(row.clip(0, height - 1)), int(column.clip(0, width - 1))


def _refined(maps: PersonLabMaps, joint: int, place: np.ndarray) -> np.ndarray:
    """The place y, x that the short-range offset of the nearest cell points to."""
    cell = _cell(maps, place)
    return np.array(cell) * maps.stride + maps.short[(*cell, slice(None), joint)]


def _grown(maps: PersonLabMaps, tree: tuple[tuple[int, int], ...], joint: int, start: np.ndarray) -> np.ndarray:
    """The person (K, 3) that has a joint at a place; the tree is followed from there to its root and to its leaves."""
    person, known = np.zeros((maps.heatmaps.shape[-1], 3)), {joint}
    person[joint] = *start, maps.heatmaps[(*_cell(maps, start), joint)]
    upward = [(edge, child, parent, maps.backward) for edge, (parent, child) in reversed(list(enumerate(tree)))]
    downward = [(edge, parent, child, maps.forward) for edge, (parent, child) in enumerate(tree)]
    for edge, source, target, offsets in (*upward, *downward):
        if source in known and target not in known:
            place = person[source, :2]
            place = place + offsets[(*_cell(maps, place), slice(None), edge)]
            for _ in range(_REFINEMENTS):
                place = _refined(maps, target, place)
            person[target] = *place, maps.heatmaps[(*_cell(maps, place), target)]
            known.add(target)
    return person


def _near(persons: np.ndarray, place: np.ndarray, joint: int, radius: float) -> bool:
    return bool((((persons[:, joint, :2] - place) ** 2).sum(axis=-1) <= radius**2).any())


def _own_score(person: np.ndarray, before: np.ndarray, radius: float) -> float:
    squared = ((before[..., :2] - person[:, :2]) ** 2).sum(axis=-1)
    is_own = ~(squared <= radius**2).any(axis=0)
    return float((person[:, 2] * is_own).sum() / len(person))
