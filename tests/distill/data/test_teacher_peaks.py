"""Peaks that were read before training are those that are read when asked for, however they were read."""

import itertools
import shutil
from functools import partial

import numpy as np
import pytest
import torch

from cache.errors import StoreError
from cache.store import SoftLabelStore
from distill.data.augment import AugmentConfig
from distill.data.keypoint_set import KeypointSet
from distill.data.loader import StepSampler, make_loader
from distill.data.mixing import MixedSamples, Mixture
from distill.data.source import DataSource
from distill.data.teacher_peaks import preload_peaks, read_peaks
from distill.data.training_samples import TrainingSamples
from distill.pose import geometry
from distill.pose.peaks import find_peaks
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

IMAGES, KEYPOINTS, MAP_SIZE, SHARD_LENGTH = 24, 17, 32, 3


def fill(url, image_ids):
    """A store of made-up labels, some of them without any peak."""
    store = SoftLabelStore.create(
        url,
        image_ids=image_ids,
        image_sizes=np.full((len(image_ids), 2), 128),
        to_map=np.tile([[0.25, 0, 0.1], [0, 0.25, 0]], (len(image_ids), 1, 1)),
        num_keypoints=KEYPOINTS,
        map_size=MAP_SIZE,
        shard_length=SHARD_LENGTH,
        attributes={},
    )
    for shard in range(store.num_shards):
        ids = store.shard_image_ids(shard)
        rng = np.random.default_rng(shard)
        heatmaps = rng.random((len(ids), KEYPOINTS, MAP_SIZE, MAP_SIZE)) ** 40 * (ids % 4 > 0)[:, None, None, None]
        peaks = [rng.random((90 if i % 4 else 0, 5)) * (KEYPOINTS - 1, 128, 128, 1, 9) for i in ids]
        store.write_shard(shard, heatmaps, [np.ones((1, KEYPOINTS, 3))] * len(ids), [np.ones(1)] * len(ids), peaks)
    return store


@pytest.fixture(scope="module")
def data(tiny_synthetic):
    return KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)


@pytest.fixture(scope="module", params=[1, 2])
def filled(request, data, as_version_1, tmp_path_factory):
    """A store of either version that is read."""
    store = fill(tmp_path_factory.mktemp("peaks") / "labels.zarr", data.image_ids)
    return store if request.param == 2 else SoftLabelStore.open(as_version_1(store.files.root))


@pytest.mark.parametrize("workers", [0, 1, 2, 9])
def test_peaks_are_those_of_random_reads(filled, workers):
    """Of fewer images than the store has, in any order, and by more processes than it has shards."""
    wanted = np.random.default_rng(workers).permutation(filled.image_ids)[:17]
    held = preload_peaks(filled, wanted, workers=workers)
    assert len(held.rows) == sum(len(held(i)) for i in wanted) > 1000
    for image_id in wanted.tolist():
        np.testing.assert_array_equal(held(image_id), read_peaks(filled, image_id), strict=True)
    assert not all(len(held(image_id)) for image_id in wanted.tolist())
    for other in (*np.setdiff1d(filled.image_ids, wanted).tolist(), 0, 10**6):
        with pytest.raises(InputError, match=f"image_id {other} are not held"):
            held(other)


def test_batches_are_those_of_random_reads(filled, data):
    batches = []
    ids = data.image_ids[2:-4]
    for preloaded, workers in itertools.product((False, True), (0, 2)):
        peaks = preload_peaks(filled, ids, workers=workers) if preloaded else partial(read_peaks, filled)
        samples = TrainingSamples(data, (64, 64), AugmentConfig(), 5, peaks)
        batches.append(
            list(make_loader(MixedSamples([samples]), StepSampler(Mixture([ids], [1], 1), 4, 3, 9), workers))
        )
    for expected, *others in zip(*batches, strict=True):
        assert len(expected.peaks) > 100
        for other in others:
            for name, value in vars(expected).items():
                assert torch.equal(value, getattr(other, name)), name


def test_progress_counts_labels(filled):
    calls = []
    preload_peaks(filled, filled.image_ids, workers=2, progress=lambda *call: calls.append(call))
    assert calls[0] == (0, IMAGES)
    assert calls[-1] == (IMAGES, IMAGES)
    assert calls == sorted(calls)


@pytest.mark.parametrize("workers", [0, 2])
def test_damaged_and_missing_shards_are_the_stores_own_line(filled, tmp_path, workers):
    store = SoftLabelStore.open(shutil.copytree(filled.url, tmp_path / "labels.zarr"))
    path = store.files.root / ("peak/c/1/0/0" if store.has_peaks else "heatmap/c/1/0/0/0")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"labels\.zarr: shard 1 is damaged"):
        preload_peaks(store, store.image_ids, workers=workers)
    path.unlink()
    store = SoftLabelStore.open(store.url)
    with pytest.raises(StoreError, match=r"labels\.zarr: shard 1, which holds image_id 4, is missing"):
        preload_peaks(store, store.image_ids, workers=workers)
    with pytest.raises(StoreError, match="image_id 1000 has no label"):
        preload_peaks(store, np.array([1, 1000]), workers=workers)


def test_stopping_between_parts(filled):
    assert preload_peaks(filled, filled.image_ids, stop=lambda: True) is None


def test_peaks_of_maps_are_those_that_are_found_there(data, as_version_1, tmp_path):
    """In a store of version 1, as ever; the width is that of a Gaussian of the same bend."""
    store = SoftLabelStore.open(as_version_1(fill(tmp_path / "labels.zarr", data.image_ids[:3]).files.root))
    heatmap, to_map = store.read_heatmap(data.image_ids[1])
    expected = find_peaks(heatmap, 0.02)
    peaks = read_peaks(store, data.image_ids[1])
    assert peaks.shape == (len(expected), 5)
    np.testing.assert_array_equal(peaks[:, [0, 3]], expected[:, [0, 3]])
    np.testing.assert_allclose(geometry.transform(to_map, peaks[:, 1:3]), expected[:, 1:3], atol=1e-4)
    assert (peaks[:, 4] > 0).all()


def test_nothing_but_the_peaks_is_read_of_a_store_that_has_them(data, tmp_path):
    store = fill(tmp_path / "labels.zarr", data.image_ids[:7])
    before = [read_peaks(store, image_id) for image_id in store.image_ids.tolist()]
    for name in ("heatmap", "persons", "person_score"):
        for file in (store.files.root / name / "c").rglob("*"):
            if file.is_file():
                file.write_bytes(b"x" * file.stat().st_size)
    store = SoftLabelStore.open(store.url)
    held = preload_peaks(store, store.image_ids)
    for image_id, expected in zip(store.image_ids.tolist(), before, strict=True):
        np.testing.assert_array_equal(held(image_id), expected, strict=True)
        np.testing.assert_array_equal(read_peaks(store, image_id), expected, strict=True)


def test_from_object_storage(data, bucket):
    """By processes whose parent has used the storage's client."""
    remote = fill(f"{bucket}/labels.zarr", data.image_ids[:6])
    expected = remote.read_heatmap(1)[0]
    held = preload_peaks(SoftLabelStore.open(remote.url), remote.image_ids, workers=2)
    for image_id in remote.image_ids.tolist():
        np.testing.assert_array_equal(held(image_id), read_peaks(remote, image_id), strict=True)
    np.testing.assert_array_equal(remote.read_heatmap(1)[0], expected)
