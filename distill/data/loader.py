"""Batches whose content is a function of seed and step, whatever the number of workers and processes."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler

from distill.data.mixing import Key, MixedSamples, Mixture
from distill.data.samples import Sample
from distill.data.workers import read_batches
from distill.heads.batch import Batch


def collate(samples: list[Sample]) -> Batch:
    """Stack samples into a batch."""
    keypoints = _padded([sample.keypoints for sample in samples])
    labelled = keypoints[..., 2] > 0
    number, _, joint = np.nonzero(labelled)
    joints = np.column_stack([number, joint, keypoints[labelled][:, :2]]).astype(np.float32)
    peaks = [np.insert(sample.peaks, 0, i, axis=1) for i, sample in enumerate(samples)]
    more = {}
    if samples[0].teacher_maps is not None:
        more["teacher_maps"] = _channels_first([sample.teacher_maps for sample in samples])
    return Batch(
        image_ids=torch.tensor([sample.image_id for sample in samples]),
        images=torch.from_numpy(np.stack([sample.image for sample in samples])),
        masks=_channels_first([sample.masks for sample in samples]),
        keypoints=torch.from_numpy(keypoints),
        joints=torch.from_numpy(joints),
        persons=torch.from_numpy(_padded([sample.persons for sample in samples])),
        annotated=torch.from_numpy(np.stack([sample.annotated for sample in samples]).astype(np.float32)),
        peaks=torch.from_numpy(np.concatenate(peaks)),
        **more,
    )


def _channels_first(maps: list[np.ndarray]) -> torch.Tensor:
    """(B, C, H, W) of (H, W, C) each."""
    return torch.from_numpy(np.ascontiguousarray(np.stack(maps).transpose(0, 3, 1, 2)))


def _padded(persons: list[np.ndarray]) -> np.ndarray:
    """(B, P, K, 3) float32 of (p, K, 3) each, with rows of zeros for persons that are missing."""
    most = max(1, *(len(some) for some in persons))
    padded = np.zeros((len(persons), most, *persons[0].shape[1:]), dtype=np.float32)
    for row, some in zip(padded, persons, strict=True):
        row[: len(some)] = some
    return padded


class StepSampler(Sampler):
    """Keys of the samples of every batch from `first_step` to `last_step`, as `MixedSamples` takes them.

    A step takes the next `batch_size` positions of the mixture; process r of w takes the r-th part of each batch, cut
    again into `accumulate` micro-batches.

    Args:
        mixture: what comes at each position.
        batch_size: samples of one optimiser step, over all processes and micro-batches.
    """

    def __init__(
        self,
        mixture: Mixture,
        batch_size: int,
        first_step: int,
        last_step: int,
        *,
        accumulate: int = 1,
        process: int = 0,
        num_processes: int = 1,
    ):
        self.mixture, self.batch_size = mixture, batch_size
        self.steps = range(first_step, last_step)
        self.accumulate, self.process, self.num_processes = accumulate, process, num_processes

    def __len__(self) -> int:
        return len(self.steps) * self.accumulate

    def __iter__(self) -> Iterator[list[Key]]:
        micro = self.batch_size // (self.accumulate * self.num_processes)
        for step in self.steps:
            for part in range(self.accumulate):
                start = step * self.batch_size + (part * self.num_processes + self.process) * micro
                yield [self.mixture.key(position) for position in range(start, start + micro)]


def make_loader(samples: MixedSamples, sampler: StepSampler, workers: int) -> Iterator[Batch]:
    """Batches in the sampler's order; raises what reading a sample raises."""
    ahead = {"prefetch_factor": 4} if workers else {}
    return read_batches(samples, collate, workers, batch_sampler=sampler, **ahead)
