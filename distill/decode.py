"""Grouping joints into persons by their tags.

Newell et al., Associative Embedding, NeurIPS 2017, as the published HigherHRNet does it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional

from distill.errors import InputError
from distill.skeleton import Skeleton


@dataclass(frozen=True)
class GroupingConfig:
    """How maps become persons."""

    max_persons: int = 30
    "Candidates of a joint, and persons that a candidate may still join."
    detection_threshold: float = 0.1
    "Cells of a heatmap at or below it are no candidates."
    tag_threshold: float = 1.0
    "Largest distance of a candidate's tag to the mean tag of the person it joins."
    nms_kernel: int = 5
    "Side of the window whose maximum is a candidate, cells, odd."
    adjust: bool = True
    "Move a joint a quarter cell towards its higher neighbour in x and in y."
    refine: bool = True
    "Fill joints that a person lacks with the best cell of a similar tag."

    def __post_init__(self):
        if self.max_persons < 1:
            raise InputError(f"grouping.max_persons must be at least 1, not {self.max_persons}")
        if self.nms_kernel < 1 or self.nms_kernel % 2 == 0:
            raise InputError(f"grouping.nms_kernel must be odd, not {self.nms_kernel}")
        if self.detection_threshold < 0 or self.tag_threshold <= 0:
            raise InputError("grouping.detection_threshold and tag_threshold must be positive")


def group(
    heatmaps: torch.Tensor,
    tags: torch.Tensor,
    skeleton: Skeleton,
    *,
    max_persons: int = 30,
    detection_threshold: float = 0.1,
    tag_threshold: float = 1.0,
    nms_kernel: int = 5,
    adjust: bool = True,
    refine: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Persons (P, K, 3) of x, y in map cells and score, and their mean scores (P,).

    A joint that a person lacks is all zero. The mean score counts missing joints as 0 and is taken
    before `refine`. Cell u stands for u + 0.5.

    Args:
        heatmaps: (K, H, W).
        tags: (K, H, W, T), T values a cell, such as one of the plain and one of the mirrored pass.
        skeleton: gives the order in which joints are visited.
        max_persons: see `GroupingConfig`, as for the other settings.
    """
    scores, cells = _candidates(heatmaps, max_persons, nms_kernel)
    heatmaps, tags = heatmaps.float().cpu().numpy(), tags.float().cpu().numpy()
    joints = np.arange(len(heatmaps))[:, None]
    cell_tags = tags.reshape(len(tags), -1, tags.shape[-1])[joints, cells]
    members = _assign(scores, cell_tags, skeleton, max_persons, detection_threshold, tag_threshold)
    is_found = members >= 0
    rows, columns = np.divmod(np.take_along_axis(cells.T, np.maximum(members, 0), 0), heatmaps.shape[2])
    values = np.take_along_axis(scores.T, np.maximum(members, 0), 0) * is_found
    person_scores = values.mean(1)
    if refine and len(members):
        _refine(heatmaps, tags, is_found, rows, columns, values)
    persons = _locate(heatmaps, rows, columns, values, adjust)
    return torch.from_numpy(persons), torch.from_numpy(person_scores.astype(np.float32))


def _candidates(heatmaps: torch.Tensor, count: int, kernel: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and flat cells (K, M) of the highest local maxima of each joint."""
    heatmaps = heatmaps.float()
    highest = functional.max_pool2d(heatmaps[None], kernel, stride=1, padding=kernel // 2)[0]
    maxima = (heatmaps * (heatmaps == highest)).flatten(1)
    scores, cells = maxima.topk(min(count, maxima.shape[1]))
    return scores.cpu().numpy(), cells.cpu().numpy()


def _assign(
    scores: np.ndarray,
    tags: np.ndarray,
    skeleton: Skeleton,
    max_persons: int,
    detection_threshold: float,
    tag_threshold: float,
) -> np.ndarray:
    """Candidate (P, K) of each person's joints, -1 where it has none."""
    members: list[np.ndarray] = []
    tag_sums = np.zeros((0, tags.shape[2]))
    tag_counts = np.zeros(0)
    for joint in skeleton.grouping_index:
        candidates = np.flatnonzero(scores[joint] > detection_threshold)
        if not len(candidates):
            continue
        joined = np.full(len(candidates), -1)
        if members:
            means = (tag_sums / tag_counts[:, None])[:max_persons]
            joined = _match(tags[joint, candidates], scores[joint, candidates], means, tag_threshold)
        for candidate, person in zip(candidates, joined, strict=True):
            if person < 0:
                person = len(members)
                members.append(np.full(len(scores), -1))
                tag_sums = np.vstack([tag_sums, np.zeros_like(tag_sums, shape=(1, tags.shape[2]))])
                tag_counts = np.append(tag_counts, 0)
            members[person][joint] = candidate
            tag_sums[person] += tags[joint, candidate]
            tag_counts[person] += 1
    return np.array(members).reshape(-1, len(scores))


def _match(tags: np.ndarray, scores: np.ndarray, means: np.ndarray, threshold: float) -> np.ndarray:
    """Person that each candidate joins, -1 where none is near enough; optimal over all pairs."""
    distance = np.linalg.norm(tags[:, None] - means[None], axis=2)
    cost = np.round(distance) * 100 - scores[:, None]
    if len(tags) > len(means):
        cost = np.pad(cost, ((0, 0), (0, len(tags) - len(means))), constant_values=1e10)
    joined = np.full(len(tags), -1)
    for candidate, person in zip(*linear_sum_assignment(cost), strict=True):
        if person < len(means) and distance[candidate, person] < threshold:
            joined[candidate] = person
    return joined


def _refine(
    heatmaps: np.ndarray,
    tags: np.ndarray,
    is_found: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
):
    """Fill in place the joints each person lacks, from the cells whose tags are nearest to its mean tag."""
    width = heatmaps.shape[2]
    for found, row, column, value in zip(is_found, rows, columns, values, strict=True):
        lacking = np.flatnonzero(~found)
        if not len(lacking):
            continue
        mean = tags[np.flatnonzero(found), row[found], column[found]].mean(0)
        distance = np.sqrt(((tags[lacking] - mean) ** 2).sum(-1))
        best = (heatmaps[lacking] - np.round(distance)).reshape(len(lacking), -1).argmax(1)
        row[lacking], column[lacking] = np.divmod(best, width)
        value[lacking] = np.maximum(heatmaps[lacking, row[lacking], column[lacking]], 0)


def _locate(
    heatmaps: np.ndarray, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, adjust: bool
) -> np.ndarray:
    """Persons (P, K, 3) float32 at the centres of their cells, or a quarter beside them."""
    x, y = columns + 0.5, rows + 0.5
    if adjust:
        joint = np.arange(len(heatmaps))[None]
        height, width = heatmaps.shape[1:]
        right = heatmaps[joint, rows, np.minimum(columns + 1, width - 1)]
        left = heatmaps[joint, rows, np.maximum(columns - 1, 0)]
        below = heatmaps[joint, np.minimum(rows + 1, height - 1), columns]
        above = heatmaps[joint, np.maximum(rows - 1, 0), columns]
        x = x + np.where(right > left, 0.25, -0.25)
        y = y + np.where(below > above, 0.25, -0.25)
    persons = np.stack([x, y, values], axis=-1) * (values > 0)[..., None]
    return persons.astype(np.float32)
