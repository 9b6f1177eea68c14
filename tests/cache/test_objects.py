"""Stores on object storage: a real S3 server on this machine."""

import multiprocessing
import socket

import fsspec
import numpy as np
import pytest
import zarr

from cache.errors import StoreError
from cache.store import SoftLabelStore


@pytest.fixture(scope="module")
def remote(labels, new_bucket):
    """A complete store in a bucket."""
    return labels.fill(f"{new_bucket()}/labels.zarr")


def test_labels_come_back(remote, filled, labels):
    store = SoftLabelStore.open(remote.url)
    assert store.missing_shards() == store.missing_shards(checksums=False) == []
    store.check(dataset={"split": "val2017"}, image_ids=labels.ids)
    for image_id in labels.ids:
        found, expected = store.read(image_id), filled.read(image_id)
        for name, value in vars(expected).items():
            np.testing.assert_array_equal(getattr(found, name), value)


def test_files_are_those_of_a_local_store(remote, filled):
    assert remote.files.sizes() == filled.files.sizes()
    names = filled.files.sizes().keys() - {"zarr.json"}
    assert remote.files.read_all(names) == filled.files.read_all(names)


def test_any_zarr_reader_sees_the_labels(remote, filled, labels):
    group = zarr.open_group(remote.url, mode="r")
    np.testing.assert_array_equal(group["heatmap"][:], [filled.read_quantised(i) for i in labels.ids])


def test_markers_tell_what_is_missing(labels, bucket):
    remote = labels.fill(f"{bucket}/labels.zarr")
    remote.files.delete("heatmap/c/1/0/0/0")
    remote.files.put("persons/c/2/0/0/0", b"torn")
    remote.files.delete("complete/000004.json")
    content = remote.files.read("person_score/c/5/0")
    remote.files.put("person_score/c/5/0", bytes([content[0] ^ 1]) + content[1:])
    store = labels.create(remote.url)
    assert store.missing_shards(checksums=False) == [1, 2, 4]
    assert store.missing_shards() == [1, 2, 4, 5]
    with pytest.raises(StoreError, match="shard 1, which holds image_id 21, is missing"):
        store.read(21)
    assert labels.fill(remote.url).missing_shards() == []


def fill(labels, url, results):
    results.put(labels.fill(url, shard_length=11).missing_shards())


def test_several_processes_create_and_fill_at_once(labels, tmp_path, bucket):
    url, filled = f"{bucket}/shared.zarr", labels.fill(tmp_path / "filled.zarr", shard_length=11)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=fill, args=(labels, url, results)) for _ in range(2)]
    for process in processes:
        process.start()
    for _ in processes:
        results.get(timeout=120)
    for process in processes:
        process.join(60)
    store = SoftLabelStore.open(url)
    assert store.missing_shards() == []
    assert store.files.sizes() == filled.files.sizes()


def test_another_store_in_the_same_place_is_refused(labels, bucket):
    url = f"{bucket}/other.zarr"
    store = SoftLabelStore(url, writable=True)
    store.files.put("letter.txt", b"dear")
    with pytest.raises(StoreError, match="is not a soft-label store; choose another place"):
        labels.create(url)
    with pytest.raises(StoreError, match="is not a soft-label store; make one"):
        SoftLabelStore.open(url)


def read_all(store, ids, results):
    results.put([float(store.read(i).heatmap.sum()) for i in ids])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_loader_workers_read_what_the_parent_reads(remote, filled, labels, method):
    expected = [float(remote.read(i).heatmap.sum()) for i in labels.ids]
    context = multiprocessing.get_context(method)
    results = context.Queue()
    worker = context.Process(target=read_all, args=(remote, labels.ids, results))
    worker.start()
    assert results.get(timeout=60) == expected
    worker.join()
    assert expected == [float(filled.read(i).heatmap.sum()) for i in labels.ids]


@pytest.fixture
def silent_server(monkeypatch):
    """The environment names a port where nothing listens."""
    systems = fsspec.get_filesystem_class("s3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    systems.clear_instance_cache()
    yield
    systems.clear_instance_cache()


def test_storage_that_does_not_answer_is_one_line(silent_server):
    with pytest.raises(StoreError, match=r"s3://nowhere/labels\.zarr: the storage cannot be used"):
        SoftLabelStore.open("s3://nowhere/labels.zarr")


@pytest.mark.parametrize("url", ["abc://bucket/labels.zarr", "gs://bucket/labels.zarr"])
def test_storage_that_is_not_installed_is_one_line(url):
    with pytest.raises(StoreError, match=url):
        SoftLabelStore.open(url)
