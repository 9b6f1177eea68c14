"""Grouping: from heatmaps (K, H, W) and tags (K, H, W, T) to persons (P, K, 3).

The grouping of Newell et al., Associative Embedding (NeurIPS 2017), as HigherHRNet (Cheng et al., CVPR 2020)
uses it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from distill.pose.missing_joints import fill_missing
from distill.pose.peaks import LOWEST, vertex
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

_NO_PERSON = 1e10


@dataclass(frozen=True)
class GroupingConfig:
    """How peaks become joints and joints become persons."""

    max_persons: int = 30
    "Most persons of a photograph, and most peaks of a joint that are looked at."
    detection_threshold: float = 0.1
    "Heatmap value (0..1) that a peak must exceed."
    tag_threshold: float = 1.0
    "Distance, in units of the tags, under which a peak may join a person."
    nms_kernel: int = 5
    "Side of the window in which only the highest cell is a peak, cells; odd."
    adjust: bool = True
    "Move each joint a quarter cell towards its higher neighbour in x and in y."
    refine: bool = True
    "Fill the joints that a person lacks where heatmap and tags speak most for them."
    subcell: bool = True
    "Instead of a quarter cell, move each joint to the vertex of the parabola through the logarithms around it."

    def __post_init__(self):
        if self.max_persons < 1:
            raise InputError(f"grouping.max_persons must be at least 1, not {self.max_persons}")
        if not self.detection_threshold >= 0:
            raise InputError(f"grouping.detection_threshold must be 0 or more, not {self.detection_threshold}")
        if not self.tag_threshold > 0:
            raise InputError(f"grouping.tag_threshold must be above 0, not {self.tag_threshold}")
        if self.nms_kernel < 1 or self.nms_kernel % 2 == 0:
            raise InputError(f"grouping.nms_kernel must be an odd number of cells, not {self.nms_kernel}")


def group(
    heatmaps: np.ndarray | torch.Tensor,
    tags: np.ndarray | torch.Tensor,
    skeleton: Skeleton,
    config: GroupingConfig,
) -> tuple[np.ndarray, np.ndarray] | tuple[torch.Tensor, torch.Tensor]:
    """Persons (P, K, 3) and scores (P,), float32, from heatmaps (K, H, W) and tags (K, H, W, T).

    Joints are visited in the skeleton's grouping order; an optimal assignment gives each peak to the
    person whose mean tag is nearest, or lets it open a new one. Persons opened by equal tags are kept
    apart, and of equal cells in one window only the first is a peak; the published code does neither.

    Args:
        heatmaps: values 0..1. Arrays give arrays, tensors of any device tensors on the CPU.
        tags: T tags a cell, such as one of the plain and one of the mirrored pass.
        skeleton: gives the order in which joints are visited.
        config: without `subcell` positions are those of the published code.

    Returns:
        Persons as x, y in map cells (cell u is centred at u + 0.5) and heatmap value, all zero for a
        joint that was not found; and the mean value of each person's joints before refinement, a missing
        joint counting as 0. At most `max_persons`, highest scores first.

    Raises:
        InputError: maps and skeleton do not fit together.
    """
    if isinstance(heatmaps, torch.Tensor):
        persons, scores = _group(_to_array(heatmaps), _to_array(tags), skeleton, config)
        return torch.from_numpy(persons), torch.from_numpy(scores)
    return _group(np.asarray(heatmaps, np.float32), np.asarray(tags, np.float32), skeleton, config)


def _to_array(maps: torch.Tensor) -> np.ndarray:
    return maps.detach().float().cpu().numpy()


def _group(
    heatmaps: np.ndarray, tags: np.ndarray, skeleton: Skeleton, config: GroupingConfig
) -> tuple[np.ndarray, np.ndarray]:
    _check_shapes(heatmaps, tags, skeleton)
    peaks = _find_peaks(heatmaps, tags, config)
    members, tag, scores = _best_persons(peaks, skeleton, config)
    cell = np.append(peaks.cell, -1)[members]
    value = np.append(peaks.value, 0.0)[members]
    if config.refine:
        fill_missing(cell, value, tag, heatmaps, tags)
    return locate(cell, value, heatmaps, config), scores


def group_peaks(
    peaks: Mapping[str, np.ndarray], columns: int, skeleton: Skeleton, config: GroupingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Persons (P, K, 3) and scores (P,), float32, from the peaks of a model that finds them itself.

    Equals `group` with `refine=False` where the peaks were found with the same `nms_kernel` and kind of
    shift; of `config` only the thresholds and `max_persons` count.

    Args:
        peaks: `peak_values`, `peak_cells`, `peak_tags` (K, M) and `peak_shifts` (K, M, 2), highest values first.
        columns: width of the maps that they were found in, cells.

    Raises:
        InputError: peaks and skeleton do not fit together.
    """
    value, cell, tag, shift = (np.asarray(peaks[f"peak_{name}"]) for name in ("values", "cells", "tags", "shifts"))
    if len(value) != len(skeleton):
        raise InputError(f"peaks are of {len(value)} joints, skeleton {skeleton.name} has {len(skeleton)}")
    usable = (value > config.detection_threshold) & np.isfinite(value) & np.isfinite(tag)
    usable &= usable.cumsum(axis=1) <= config.max_persons
    start = np.append(0, usable.sum(axis=1).cumsum())
    found = _Peaks(start, cell[usable], value[usable].astype(np.float64), tag[usable, None].astype(np.float64))
    members, _, scores = _best_persons(found, skeleton, config)
    point = np.stack([found.cell % columns, found.cell // columns], axis=1) + 0.5 + shift[usable]
    point = np.append(np.concatenate([point, found.value[:, None]], axis=1), np.zeros((1, 3)), axis=0)
    return point[members].astype(np.float32), scores


def _best_persons(
    peaks: "_Peaks", skeleton: Skeleton, config: GroupingConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peak numbers (P, K), -1 where a joint is missing, mean tags (P, T) and scores (P,), best persons first."""
    members, tag = _assign(peaks, skeleton, config)
    scores = np.append(peaks.value, 0.0)[members].mean(axis=1)
    best = np.argsort(-scores, kind="stable")[: config.max_persons]
    return members[best], tag[best], scores[best].astype(np.float32)


@dataclass(frozen=True)
class _Peaks:
    """The N best peaks, joint by joint, each joint's highest first."""

    start: np.ndarray
    "(K + 1,): joint k owns the peaks start[k] to start[k + 1]."
    cell: np.ndarray
    "(N,) flat index into the joint's map."
    value: np.ndarray
    "(N,) heatmap value."
    tag: np.ndarray
    "(N, T)."


def _check_shapes(heatmaps: np.ndarray, tags: np.ndarray, skeleton: Skeleton):
    if heatmaps.ndim != 3 or tags.ndim != 4 or heatmaps.shape != tags.shape[:3] or not tags.size:
        raise InputError(f"heatmaps {heatmaps.shape} and tags {tags.shape} must be (K, H, W) and (K, H, W, T)")
    if len(heatmaps) != len(skeleton):
        raise InputError(f"heatmaps have {len(heatmaps)} channels, skeleton {skeleton.name} {len(skeleton)} joints")


def _find_peaks(heatmaps: np.ndarray, tags: np.ndarray, config: GroupingConfig) -> _Peaks:
    num_joints, height, width = heatmaps.shape
    place, value = _local_maxima(heatmaps, config)
    joint, cell = np.divmod(place, height * width)
    tag = tags.reshape(-1, tags.shape[-1])[place]
    # Without this a diverged network would make the assignment raise.
    usable = np.isfinite(tag).all(axis=1) & np.isfinite(value)
    order = np.lexsort((-value, joint))
    order = order[usable[order]]
    rank = np.arange(len(order)) - np.searchsorted(joint[order], joint[order])
    order = order[rank < config.max_persons]
    return _Peaks(
        start=np.searchsorted(joint[order], np.arange(num_joints + 1)),
        cell=cell[order],
        value=value[order].astype(np.float64),
        tag=tag[order].astype(np.float64),
    )


def _local_maxima(heatmaps: np.ndarray, config: GroupingConfig) -> tuple[np.ndarray, np.ndarray]:
    """Flat places (N,) and values (N,) of the cells that no other of their window exceeds, nor equals before them."""
    _, height, width = heatmaps.shape
    values = np.ascontiguousarray(heatmaps).reshape(-1)
    place = np.flatnonzero(values > config.detection_threshold)
    value = values[place]
    row, column = np.divmod(place % (height * width), width)
    for down, right in _window(config.nms_kernel):
        y, x = row + down, column + right
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        other = values[place + np.where(inside, down * width + right, 0)]
        beaten = other >= value if (down, right) < (0, 0) else other > value
        kept = ~(beaten & inside)
        place, value, row, column = place[kept], value[kept], row[kept], column[kept]
    return place, value


def _window(kernel: int) -> list[tuple[int, int]]:
    """Rows down and columns to the right of all cells of a window but its middle, those that leave fewest first."""
    reach = range(-(kernel // 2), kernel // 2 + 1)
    cells = [(down, right) for down in reach for right in reach if (down, right) != (0, 0)]
    return sorted(cells, key=lambda cell: abs(cell[0]) + abs(cell[1]))


def _assign(peaks: _Peaks, skeleton: Skeleton, config: GroupingConfig) -> tuple[np.ndarray, np.ndarray]:
    """Peak numbers (P, K), -1 where a joint is missing, and mean tags (P, T) of the persons."""
    members = np.full((len(peaks.cell), len(skeleton)), -1)
    tag_sum = np.zeros_like(peaks.tag)
    count = np.zeros((len(peaks.cell), 1))
    opened = 0
    for joint in skeleton.grouping_index.tolist():
        owned = slice(peaks.start[joint], peaks.start[joint + 1])
        tag, value = peaks.tag[owned], peaks.value[owned]
        joinable = min(opened, config.max_persons)
        person = _match(tag, value, tag_sum[:joinable] / count[:joinable], config.tag_threshold)
        is_new = person < 0
        before, opened = opened, opened + int(is_new.sum())
        person[is_new] = np.arange(before, opened)
        members[person, joint] = np.arange(owned.start, owned.stop)
        tag_sum[person] += tag
        count[person] += 1
    return members[:opened], tag_sum[:opened] / count[:opened]


def _match(tag: np.ndarray, value: np.ndarray, means: np.ndarray, threshold: float) -> np.ndarray:
    """The person (N,) that each peak with tag (N, T) and value (N,) joins, -1 for none of those with means (P, T)."""
    person = np.full(len(tag), -1)
    if not len(means) or not len(tag):
        return person
    distance = np.sqrt(((tag[:, None] - means) ** 2).sum(axis=2))
    cost = np.full((len(tag), max(len(tag), len(means))), _NO_PERSON)
    cost[:, : len(means)] = 100 * np.rint(distance) - value[:, None]
    rows, columns = linear_sum_assignment(cost)
    real = columns < len(means)
    rows, columns = rows[real], columns[real]
    near = distance[rows, columns] < threshold
    person[rows[near]] = columns[near]
    return person


def locate(cell: np.ndarray, value: np.ndarray, heatmaps: np.ndarray, config: GroupingConfig) -> np.ndarray:
    """Persons (P, K, 3), float32, from flat cells (P, K) of heatmaps (K, H, W), -1 for none, and values (P, K).

    Positions are in map cells, moved off the cell's centre as `config` says.
    """
    height, width = heatmaps.shape[1:]
    y, x = np.divmod(np.maximum(cell, 0), width)
    point = np.stack([x, y], axis=-1) + 0.5
    if config.adjust or config.subcell:
        joint = np.arange(len(heatmaps))
        here = heatmaps[joint, y, x]
        right, left = heatmaps[joint, y, np.minimum(x + 1, width - 1)], heatmaps[joint, y, np.maximum(x - 1, 0)]
        below, above = heatmaps[joint, np.minimum(y + 1, height - 1), x], heatmaps[joint, np.maximum(y - 1, 0), x]
        if config.subcell:
            logs = (np.log(np.fmax(values, LOWEST)) for values in (left, right, above, below, here))
            left, right, above, below, here = logs
            point += np.stack([vertex(left, here, right)[0], vertex(above, here, below)[0]], axis=-1)
        else:
            point += np.where(np.stack([right > left, below > above], axis=-1), 0.25, -0.25)
    persons = np.concatenate([point, value[..., None]], axis=-1)
    return np.where((cell >= 0)[..., None], persons, 0).astype(np.float32)
