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
    persons: list[list[tuple[float, float, float]]] = []
    for y, x, joint in _peaks(maps.heatmaps, config.threshold):
        start = _refined(maps, joint, y * maps.stride, x * maps.stride)
        if any(_is_near(person[joint], start, config.same) for person in persons):
            continue
        persons.append(_grown(maps, tree, joint, start))
        if len(persons) == config.max_persons:
            break
    scores = np.array([_own_score(person, persons[:row], config.same) for row, person in enumerate(persons)])
    order = np.argsort(-scores, kind="stable")
    found = np.array(persons).reshape(-1, maps.heatmaps.shape[-1], 3)
    return found[order], scores[order].reshape(-1)


def _peaks(heatmaps: np.ndarray, threshold: float) -> list[tuple[int, int, int]]:
    """Row, column and joint of cells above the threshold that no neighbour exceeds, highest first."""
    highest = cv2.dilate(heatmaps, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    found = np.argwhere((heatmaps >= highest.reshape(heatmaps.shape)) & (heatmaps > threshold))
    heights = heatmaps[tuple(found.T)]
    return [tuple(row) for row in found[np.argsort(-heights, kind="stable")].tolist()]


def _cell(maps: PersonLabMaps, y: float, x: float) -> tuple[int, int]:
    """Row and column of the cell nearest to a place."""
    height, width = maps.heatmaps.shape[:2]
    row, column = round(y / maps.stride), round(x / maps.stride)
    return min(max(row, 0), height - 1), min(max(column, 0), width - 1)


def _refined(maps: PersonLabMaps, joint: int, y: float, x: float) -> tuple[float, float]:
    """The place y, x that the short-range offset of the nearest cell points to."""
    row, column = _cell(maps, y, x)
    return (
        row * maps.stride + maps.short.item(row, column, 0, joint),
        column * maps.stride + maps.short.item(row, column, 1, joint),
    )


def _grown(
    maps: PersonLabMaps, tree: tuple[tuple[int, int], ...], joint: int, start: tuple[float, float]
) -> list[tuple[float, float, float]]:
    """The person's joints y, x, score that has a joint at a place; the tree is followed from there to its root and to
    its leaves."""
    person: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)] * maps.heatmaps.shape[-1]
    known = {joint}
    person[joint] = (*start, maps.heatmaps.item(*_cell(maps, *start), joint))
    upward = [(edge, child, parent, maps.backward) for edge, (parent, child) in reversed(list(enumerate(tree)))]
    downward = [(edge, parent, child, maps.forward) for edge, (parent, child) in enumerate(tree)]
    for edge, source, target, offsets in (*upward, *downward):
        if source in known and target not in known:
            y, x, _ = person[source]
            row, column = _cell(maps, y, x)
            place = y + offsets.item(row, column, 0, edge), x + offsets.item(row, column, 1, edge)
            for _ in range(_REFINEMENTS):
                place = _refined(maps, target, *place)
            person[target] = (*place, maps.heatmaps.item(*_cell(maps, *place), target))
            known.add(target)
    return person


def _is_near(one: tuple[float, ...], other: tuple[float, ...], radius: float) -> bool:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 <= radius**2


def _own_score(person: list[tuple[float, float, float]], before: list[list[tuple[float, ...]]], radius: float) -> float:
    """Mean over all joints of the scores of those that no person before has."""
    own = (
        place[2]
        for joint, place in enumerate(person)
        if not any(_is_near(other[joint], place, radius) for other in before)
    )
    return sum(own) / len(person)
