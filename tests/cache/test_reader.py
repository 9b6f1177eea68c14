import itertools
import multiprocessing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.errors import StoreError
from cache.reader import LabelReader
from cache.store import SoftLabelStore


@pytest.fixture(scope="module")
def store(labels, tmp_path_factory):
    return labels.fill(tmp_path_factory.mktemp("reader") / "labels.zarr")


def order(store, epoch=0, **settings):
    return [image_id for image_id, _ in LabelReader(store, **settings).epoch(epoch)]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 2**31))
def test_readers_together_give_every_image_once(store, buffer, readers, seed):
    parts = [order(store, buffer=buffer, seed=seed, reader=r, num_readers=readers) for r in range(readers)]
    assert sorted(itertools.chain(*parts)) == store.image_ids.tolist()


def test_labels_are_those_of_random_reads(store):
    for image_id, label in LabelReader(store).epoch(0):
        for name, value in vars(store.read(image_id)).items():
            np.testing.assert_array_equal(getattr(label, name), value)


def test_order_is_a_function_of_seed_and_epoch(store):
    assert order(store, 3, seed=1, buffer=5) == order(store, 3, seed=1, buffer=5)
    orders = [order(store, epoch, seed=seed, buffer=5) for epoch in range(3) for seed in range(3)]
    assert len({tuple(each) for each in orders}) == 9


def test_shards_mix_through_the_buffer(store):
    """With a buffer of all, neighbours are of different shards as often as after a plain shuffle."""
    shards = np.searchsorted(store.image_ids, order(store, buffer=22)) // store.shard_length
    assert np.sum(np.diff(shards) != 0) > 12
    shards = np.searchsorted(store.image_ids, order(store, buffer=1)) // store.shard_length
    assert np.sum(np.diff(shards) != 0) < 12


def test_only_the_wanted_images_and_their_shards(store, labels, tmp_path):
    partial = labels.create(tmp_path / "partial.zarr")
    labels.write(partial, 2)
    wanted = partial.shard_image_ids(2)[1:3]
    assert sorted(order(partial, image_ids=wanted)) == wanted.tolist()
    with pytest.raises(StoreError, match="is missing or torn"):
        order(partial)


def test_from_object_storage(labels, bucket):
    store = labels.fill(f"{bucket}/labels.zarr")
    read = dict(LabelReader(SoftLabelStore.open(store.url)).epoch(0))
    assert sorted(read) == store.image_ids.tolist()
    np.testing.assert_array_equal(read[5].heatmap, store.read(5).heatmap)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"buffer": 0}, "buffer must be"),
        ({"reader": 2, "num_readers": 2}, "reader must be"),
        ({"image_ids": [5, 7]}, "image_id 7 has no label"),
    ],
)
def test_wrong_settings_are_refused(store, settings, message):
    with pytest.raises(StoreError, match=message):
        LabelReader(store, **settings)


def test_damaged_shard_is_named(labels, tmp_path):
    store = labels.fill(tmp_path / "damaged.zarr")
    path = store.files.root / "heatmap/c/1/0/0/0"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="shard 1 is damaged"):
        order(store)


def put_order(reader, results):
    results.put([image_id for image_id, _ in reader.epoch(0)])


def test_forked_workers_of_a_parent_that_has_read(store):
    """As a loader starts them: what the parent opened is not used by its children."""
    readers = [LabelReader(store, reader=i, num_readers=3) for i in range(3)]
    before = [order(store, reader=i, num_readers=3) for i in range(3)]
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=put_order, args=(reader, results)) for reader in readers]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sorted(found) == sorted(before)
    assert sorted(itertools.chain(*found)) == store.image_ids.tolist()
