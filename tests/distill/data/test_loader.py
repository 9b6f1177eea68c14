"""The order of samples is a function of seed and step, whoever asks and from wherever."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data._utils.pin_memory import pin_memory

from distill.data.augment import AugmentConfig
from distill.data.keypoint_set import KeypointSet
from distill.data.loader import StepSampler, collate, make_loader
from distill.data.mixing import MixedSamples, Mixture
from distill.data.source import DataSource
from distill.data.training_samples import TrainingSamples
from distill.pose.skeleton import COCO_17

IDS = np.arange(100, 123)
ONE = Mixture([IDS], [1], seed=1)


@given(st.integers(0, 30))
def test_starting_later_gives_the_same_batches(first):
    whole = list(StepSampler(ONE, 8, first_step=0, last_step=40))
    assert list(StepSampler(ONE, 8, first_step=first, last_step=40)) == whole[first:]


def test_every_image_once_an_epoch_and_anew_the_next():
    keys = [key for batch in StepSampler(ONE, 8, first_step=0, last_step=23) for key in batch]
    for epoch in range(8):
        assert sorted(i for _, e, i in keys if e == epoch) == IDS.tolist()
    assert [i for _, e, i in keys if e == 0] != [i for _, e, i in keys if e == 1]


@pytest.mark.parametrize(("accumulate", "num_processes"), [(2, 1), (1, 2), (2, 2), (1, 4)])
def test_processes_and_micro_batches_share_the_same_step(accumulate, num_processes):
    whole = list(StepSampler(ONE, 8, first_step=0, last_step=10))
    parts = [
        list(StepSampler(ONE, 8, 0, 10, accumulate=accumulate, process=p, num_processes=num_processes))
        for p in range(num_processes)
    ]
    for step, keys in enumerate(whole):
        together = [k for part in parts for m in part[step * accumulate : (step + 1) * accumulate] for k in m]
        assert sorted(together) == sorted(keys)


@pytest.fixture
def samples(shared):
    data = KeypointSet(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    return TrainingSamples(data, (96, 96), AugmentConfig(), seed=5, keep_in_memory=True)


def test_workers_change_nothing(samples):
    batches = []
    for workers in (0, 2):
        sampler = StepSampler(Mixture([samples.data.image_ids], [1], seed=2), 4, first_step=3, last_step=6)
        batches.append(list(make_loader(MixedSamples([samples]), sampler, workers)))
    for one, two in zip(*batches, strict=True):
        for name, value in vars(one).items():
            assert torch.equal(value, getattr(two, name)), name


def test_the_loader_can_pin_a_batch(samples, monkeypatch):
    # Pinning itself needs a GPU; what the loader does with a batch before is the same everywhere.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor + 1)
    batch = collate([samples[0, i] for i in samples.data.image_ids[:2].tolist()])
    pinned = pin_memory(batch)
    for name, value in vars(batch).items():
        assert torch.equal(getattr(pinned, name), value + 1), name


def test_collate_pads_persons(samples):
    ids = [i for i in samples.data.image_ids if len(samples.data.keypoints(i)) > 1][:1]
    ids += [i for i in samples.data.image_ids if not len(samples.data.keypoints(i))][:1]
    batch = collate([samples[(0, i)] for i in ids])
    assert batch.images.shape == (2, 96, 96, 3)
    assert batch.masks.shape == (2, 4, 48, 48)
    assert batch.keypoints.shape[0] == 2
    assert not batch.keypoints[1].any()
    assert batch.peaks.shape == (0, 6)
