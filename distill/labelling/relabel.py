"""Labelling photographs of a store again, to see whether it holds what the teacher sees."""

from dataclasses import dataclass

import numpy as np

from cache.label import SoftLabel
from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet
from distill.labelling.teacher import LoadedTeacher
from distill.labelling.teacher_pass import BATCH_SIZE, TeacherPass
from distill.pose.grouping import GroupingConfig

_SAME_PLACE = 1.0
_SAME_SCORE = 0.01


@dataclass(frozen=True)
class Difference:
    """How far a stored label lies from a new one of the same photograph."""

    image_id: int
    largest: float
    "Largest difference of a heatmap value, 0..1, after the encoding."
    mean: float
    "Mean difference of the heatmap values."
    persons_differ: bool
    "Whether their number differs, a joint by more than a pixel, or a score by more than 0.01."
    peaks: float | None
    "Largest difference in confidence, 0..1, of a peak, one that is missing being a whole one; None in version 1."

    @property
    def worst(self) -> float:
        """The larger of the largest differences of heatmap values and of peaks."""
        return max(self.largest, self.peaks or 0.0)


def relabel(
    store: SoftLabelStore, data: KeypointSet, loaded: LoadedTeacher, images: int, seed: int = 0
) -> list[Difference]:
    """Label random photographs of a store with its teacher again, and compare.

    Args:
        loaded: must be the store's teacher; only its precision may differ.
        images: how many.

    Raises:
        StoreError: the store is of another teacher.
    """
    grouping = store.attributes["teacher"]["grouping"]
    teacher = {name: value for name, value in loaded.attributes.items() if name != "precision"}
    store.check(teacher=teacher)
    batch_size = store.attributes["configuration"].get("batch_size", BATCH_SIZE)
    teacher_pass = TeacherPass(store, data, loaded.teacher, GroupingConfig(**grouping), batch_size=batch_size)
    ids = np.random.default_rng(seed).permutation(store.image_ids)[:images]
    return [_compare(store, teacher_pass, image_id) for image_id in np.sort(ids).tolist()]


def _compare(store: SoftLabelStore, teacher_pass: TeacherPass, image_id: int) -> Difference:
    # In the same batch, which may decide how large an input it is part of.
    shard = int(np.searchsorted(store.image_ids, image_id)) // store.shard_length
    batch = next(ids for ids in teacher_pass.batches(shard) if image_id in ids)
    labels = teacher_pass.label(batch, [teacher_pass.data.photograph(i) for i in batch.tolist()])
    number = int(np.flatnonzero(batch == image_id)[0])
    stored = store.read(image_id)
    again = store.encoding.decode(store.encoding.encode(labels.heatmaps[number]))
    difference = np.abs(again - stored.heatmap)
    return Difference(
        image_id,
        largest=float(difference.max()),
        mean=float(difference.mean()),
        persons_differ=_persons_differ(stored, labels.persons[number], labels.scores[number]),
        peaks=None if stored.peaks is None else peaks_apart(stored.peaks, labels.peaks[number]),
    )


def peaks_apart(peaks: np.ndarray, others: np.ndarray) -> float:
    """Largest difference in confidence, 0..1, between peaks (M, 5) and (N, 5) of one photograph.

    Each is compared with the nearest of the same joint within a pixel, or counts as a whole where there is none.
    """
    return max(_unmatched(peaks, others), _unmatched(others, peaks))


def _unmatched(peaks: np.ndarray, others: np.ndarray) -> float:
    if not len(peaks) or not len(others):
        return float(peaks[:, 3].max(initial=0))
    apart = np.hypot(*(peaks[:, None, 1:3] - others[None, :, 1:3]).transpose(2, 0, 1))
    apart[peaks[:, None, 0] != others[None, :, 0]] = np.inf
    nearest = apart.argmin(axis=1)
    is_same = apart.min(axis=1) <= _SAME_PLACE
    return float(np.abs(peaks[:, 3] - np.where(is_same, others[nearest, 3], 0)).max())


def _persons_differ(stored: SoftLabel, persons: np.ndarray, scores: np.ndarray) -> bool:
    return stored.persons.shape != persons.shape or not (
        np.allclose(stored.persons[..., :2], persons[..., :2], rtol=0, atol=_SAME_PLACE)
        and np.allclose(stored.person_score, scores, rtol=0, atol=_SAME_SCORE)
    )
