import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import zarr

from cache import layout
from cache.chunks import Chunks
from cache.errors import StoreError
from cache.store import SoftLabelStore


@pytest.fixture
def chunks(filled):
    """Readers of the arrays by name, and the arrays as zarr itself reads them."""
    group = zarr.open_group(filled.url, mode="r")
    return {name: (Chunks(filled.files, group[name]), group[name]) for name in layout.SHARDED}


@pytest.mark.parametrize("name", layout.SHARDED)
def test_every_row_is_what_zarr_reads(chunks, labels, name):
    reader, array = chunks[name]
    for row in np.random.default_rng(0).permutation(len(labels.ids)).tolist():
        values = reader.read(row)
        assert values.dtype == array.dtype
        np.testing.assert_array_equal(values, array[row])


def test_rows_of_zeros_are_zeros_and_absent_shards_nothing(chunks, filled, labels):
    heatmaps = np.zeros((4, *labels.heatmap(5).shape))
    heatmaps[1] = 0.5
    filled.write_shard(0, heatmaps, [[]] * 4, [[]] * 4, [[]] * 4)
    assert [chunks["heatmap"][0].read(row).max() for row in range(4)] == [0, 128, 0, 0]
    assert not (filled.files.root / "persons/c/0/0/0/0").exists()
    assert chunks["persons"][0].read(1) is None
    store = SoftLabelStore.open(filled.url)
    persons, scores = store.read_persons(labels.ids[1])
    assert len(persons) == len(scores) == len(store.read_shard(0)[1].decode().persons) == 0


def test_a_shard_removed_while_the_store_is_read_is_no_zeros(filled, labels):
    store = SoftLabelStore.open(filled.url)
    store.read(labels.ids[0])
    (filled.files.root / "heatmap/c/0/0/0/0").unlink()
    for read in (lambda: store.read(labels.ids[1]), lambda: store.read_shard(0)):
        with pytest.raises(StoreError, match=r"shard 0, which holds image_id .* is missing"):
            read()


@pytest.mark.parametrize("position", [-1, -20, -4 * 16 - 4])
def test_a_flipped_byte_of_the_index_is_seen(chunks, filled, position):
    path = filled.files.root / "heatmap/c/1/0/0/0"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        chunks["heatmap"][0].read(5)


def test_a_shard_that_was_written_anew_is_read_as_it_is_now(filled, labels):
    store = SoftLabelStore.open(filled.url)
    before = store.read_quantised(labels.ids[2])
    heatmaps = np.stack([labels.heatmap(i) for i in labels.ids[4:8]])
    filled.write_shard(0, heatmaps * 0.3, [[]] * 4, [[]] * 4, [[]] * 4)
    after = store.read_quantised(labels.ids[2])
    np.testing.assert_array_equal(after, filled.encoding.encode(heatmaps[2] * 0.3))
    assert (after != before).any()


def test_a_store_that_was_read_travels_to_another_process(filled, labels):
    store = SoftLabelStore.open(filled.url)
    expected = store.read_quantised(labels.ids[0])
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(store.read_quantised, labels.ids[0]).result(), expected)
