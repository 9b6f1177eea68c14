"""Batches whose content is a function of seed and step, whatever the number of workers and processes."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler

from distill.data.samples import Sample
from distill.data.training_samples import TrainingSamples
from distill.data.workers import read_batches
from distill.heads.batch import Batch


def collate(samples: list[Sample]) -> Batch:
    """Stack samples into a batch."""
    keypoints = _padded([sample.keypoints for sample in samples])
    labelled = keypoints[..., 2] > 0
    number, _, joint = np.nonzero(labelled)
    joints = np.column_stack([number, joint, keypoints[labelled][:, :2]]).astype(np.float32)
    peaks = [np.insert(sample.peaks, 0, i, axis=1) for i, sample in enumerate(samples)]
    masks = np.stack([sample.masks for sample in samples]).transpose(0, 3, 1, 2)
    return Batch(
        image_ids=torch.tensor([sample.image_id for sample in samples]),
        images=torch.from_numpy(np.stack([sample.image for sample in samples])),
        masks=torch.from_numpy(np.ascontiguousarray(masks)),
        keypoints=torch.from_numpy(keypoints),
        joints=torch.from_numpy(joints),
        persons=torch.from_numpy(_padded([sample.persons for sample in samples])),
        annotated=torch.from_numpy(np.stack([sample.annotated for sample in samples]).astype(np.float32)),
        peaks=torch.from_numpy(np.concatenate(peaks)),
    )


def _padded(persons: list[np.ndarray]) -> np.ndarray:
    """(B, P, K, 3) float32 of (p, K, 3) each, with rows of zeros for persons that are missing."""
    most = max(1, *(len(some) for some in persons))
    padded = np.zeros((len(persons), most, *persons[0].shape[1:]), dtype=np.float32)
    for row, some in zip(padded, persons, strict=True):
        row[: len(some)] = some
    return padded


class StepSampler(Sampler):
    """Keys (epoch, image id) of every batch from `first_step` to `last_step`.

    The images of each epoch are shuffled anew by seed and epoch. A step takes the next `batch_size`
    of them, running over the end of an epoch; process r of w takes the r-th part of each batch, cut
    again into `accumulate` micro-batches.

    Args:
        image_ids: (N,) of the training images.
        batch_size: samples of one optimiser step, over all processes and micro-batches.
    """

    def __init__(
        self,
        image_ids: np.ndarray,
        batch_size: int,
        seed: int,
        first_step: int,
        last_step: int,
        *,
        accumulate: int = 1,
        process: int = 0,
        num_processes: int = 1,
    ):
        self.image_ids, self.batch_size, self.seed = image_ids, batch_size, seed
        self.steps = range(first_step, last_step)
        self.accumulate, self.process, self.num_processes = accumulate, process, num_processes

    def __len__(self) -> int:
        return len(self.steps) * self.accumulate

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        micro = self.batch_size // (self.accumulate * self.num_processes)
        for step in self.steps:
            keys = self._keys(step)
            for part in range(self.accumulate):
                start = (part * self.num_processes + self.process) * micro
                yield keys[start : start + micro]

    def _keys(self, step: int) -> list[tuple[int, int]]:
        positions = range(step * self.batch_size, (step + 1) * self.batch_size)
        count = len(self.image_ids)
        orders = {epoch: self._order(epoch) for epoch in {p // count for p in positions}}
        return [(p // count, int(orders[p // count][p % count])) for p in positions]

    def _order(self, epoch: int) -> np.ndarray:
        if getattr(self, "_cached_epoch", None) != epoch:
            self._cached_epoch = epoch
            self._cached_order = np.random.default_rng([self.seed, epoch]).permutation(self.image_ids)
        return self._cached_order


def make_loader(samples: TrainingSamples, sampler: StepSampler, workers: int) -> Iterator[Batch]:
    """Batches in the sampler's order; raises what reading a sample raises."""
    ahead = {"prefetch_factor": 4} if workers else {}
    return read_batches(samples, collate, workers, batch_sampler=sampler, **ahead)
