"""A training whose soft targets are the teacher's whole maps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cache.store import SoftLabelStore
from distill.data.augment import AugmentConfig
from distill.data.loader import collate
from distill.heads.heatmaps import Heatmaps
from distill.system.errors import InputError
from distill.training.config import LearningSource
from distill.training.learning_data import open_learning_data
from distill.training.objective import LossConfig
from distill.training.trainer import Trainer

STILL = AugmentConfig(flip=0, rotation=0, scale_min=1, scale_max=1, translation=0)


def with_maps(config, labels, **changes):
    data = replace(config.data, soft_labels=labels, whole_maps=True, **changes)
    return replace(config, data=data, input_size=128, loss=LossConfig(alpha=0.5))


def test_samples_hold_what_the_store_holds(config, labels):
    config = replace(with_maps(config, labels), augment=STILL)
    data = open_learning_data(config)
    samples, store = data.samples(config), SoftLabelStore.open(labels)
    for image_id in store.image_ids[:4].tolist():
        sample = samples[0, 0, image_id]
        np.testing.assert_array_equal(sample.teacher_maps, store.read_quantised(image_id).transpose(1, 2, 0))
        target = Heatmaps().soft_targets(collate([sample]), (1, 17, 32, 32), 4)
        torch.testing.assert_close(target[0].numpy(), store.read_heatmap(image_id)[0], atol=1e-6, rtol=0)


def test_mosaics_and_sets_without_a_teacher(config, labels, tiny_synthetic):
    more = [LearningSource(root=tiny_synthetic, split="val2017")]
    config = replace(with_maps(config, labels, more=more), augment=AugmentConfig(mosaic=1.0))
    data = open_learning_data(config)
    samples = data.samples(config)
    one, other = (samples[number, 0, int(each.image_ids[0])] for number, each in enumerate(data.sets))
    assert one.teacher_maps.shape == other.teacher_maps.shape == (32, 32, 17)
    assert one.teacher_maps.any() and not other.teacher_maps.any()
    assert collate([one, other]).teacher_maps.shape == (2, 17, 32, 32)


def test_without_soft_labels_there_are_none(config):
    config = replace(config, data=replace(config.data, whole_maps=True), loss=LossConfig(alpha=0.0))
    data = open_learning_data(config)
    assert data.samples(config)[0, 0, int(data.sets[0].image_ids[0])].teacher_maps is None


def test_a_run_by_peaks_is_not_gone_on_with_by_maps(config, labels):
    Trainer(replace(with_maps(config, labels), steps=1)).run()
    peaks = with_maps(config, labels)
    peaks = replace(peaks, data=replace(peaks.data, whole_maps=False), steps=2, resume="auto")
    with pytest.raises(InputError, match="whole_maps"):
        Trainer(peaks).run()
