import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from cache import layout
from cache.encoding import LinearEncoding
from cache.errors import StoreError
from cache.store import SoftLabelStore


def test_labels_come_back(filled, labels):
    store = SoftLabelStore.open(filled.url)
    assert len(store) == len(labels.ids)
    for image_id in np.random.default_rng(0).permutation(labels.ids):
        label = store.read(image_id)
        persons, scores = labels.persons(image_id)
        assert np.abs(label.heatmap - labels.heatmap(image_id)).max() <= store.encoding.floor
        np.testing.assert_array_equal(store.read_quantised(image_id), store.encoding.encode(labels.heatmap(image_id)))
        np.testing.assert_allclose(label.to_map, labels.settings["to_map"][0], rtol=1e-6)
        for found in (label.peaks, store.read_peaks(image_id)):
            np.testing.assert_array_equal(found, labels.peaks(image_id), strict=True)
        for found in ((label.persons, label.person_score), store.read_persons(image_id)):
            np.testing.assert_array_equal(found[0], persons)
            np.testing.assert_array_equal(found[1], scores)
    store.check(dataset={"split": "val2017"}, teacher={"scales": (0.5, 1.0)}, image_ids=labels.ids[3:])
    assert store.missing_shards() == []


def test_shards_partition_the_images(filled, labels):
    assert filled.num_shards == 6
    np.testing.assert_array_equal(np.concatenate([filled.shard_image_ids(i) for i in range(6)]), labels.ids)
    for shard in (-1, 6):
        with pytest.raises(StoreError, match=f"no shard {shard}"):
            filled.shard_image_ids(shard)


@pytest.mark.parametrize("image_id", [0, 7, 10**6])
def test_missing_image_is_an_error_that_names_it(filled, image_id):
    with pytest.raises(StoreError, match=rf"filled\.zarr: image_id {image_id} has no label"):
        filled.read(image_id)


def test_incomplete_shard_is_an_error_never_zeros(labels, tmp_path):
    store = labels.create(tmp_path / "s.zarr")
    labels.write(store, 1)
    assert store.missing_shards() == [0, 2, 3, 4, 5]
    assert store.read(labels.ids[4]).heatmap.any()
    for read in (store.read, store.read_quantised, store.read_persons, store.read_peaks):
        with pytest.raises(StoreError, match=f"shard 0, which holds image_id {labels.ids[2]}, is missing"):
            read(labels.ids[2])
    with pytest.raises(StoreError, match="5 of 6 shards are missing, the first is 0"):
        store.check()


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"dataset": {"split": "train2017"}}, "dataset.split is 'val2017', expected 'train2017'"),
        ({"dataset": {"annotation_sha256": "cd"}}, "dataset.annotation_sha256 is 'abab"),
        ({"skeleton": {"name": "mpii_16"}}, "skeleton.name is None, expected 'mpii_16'"),
        ({"image_ids": np.array([5, 7])}, "image_id lacks 1 of the 2 images, the first is 7"),
    ],
)
def test_check_names_field_found_and_expected(filled, expected, message):
    with pytest.raises(StoreError, match=message):
        filled.check(**expected)


@pytest.mark.parametrize("name", ["heatmap", "persons", "peak"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damaged_shard_counts_as_missing_and_is_rewritten(filled, labels, name, damage):
    path = filled.files.root / layout.shard_key(filled._arrays[name], 2)
    content = path.read_bytes()
    if damage == "flip":
        path.write_bytes(content[:9] + bytes([content[9] ^ 1]) + content[10:])
    elif damage == "cut":
        path.write_bytes(content[:-20])
    else:
        path.unlink()
    store = labels.create(filled.url)
    assert store.missing_shards() == [2]
    errors = []
    for image_id in labels.ids[8:12]:
        try:
            SoftLabelStore.open(filled.url).read(image_id)
        except StoreError as error:
            assert f"image_id {image_id}" in str(error)
            errors.append(error)
    assert len(errors) == (1 if damage == "flip" else 4)
    labels.write(store, 2)
    assert store.missing_shards() == []
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"arrays": {"heatmap": 3}}'])
def test_broken_marker_means_missing(filled, content):
    (filled.files.root / "complete/000003.json").write_bytes(content)
    assert filled.missing_shards() == filled.missing_shards(checksums=False) == [3]


def test_shard_of_zeros_is_complete(labels, tmp_path):
    store = labels.fill(tmp_path / "s.zarr")
    shape = (4, *labels.heatmap(5).shape)
    store.write_shard(0, np.zeros(shape), [[]] * 4, [[]] * 4, [[]] * 4)
    assert store.missing_shards() == []
    label = store.read(labels.ids[1])
    assert not label.heatmap.any()
    assert label.persons.shape == (0, 5, 3)
    (store.files.root / "heatmap/c/0/0/0").mkdir(parents=True, exist_ok=True)
    (store.files.root / "heatmap/c/0/0/0/0").write_bytes(b"torn")
    assert store.missing_shards() == [0]


def test_creating_again_resumes_whoever_made_it(filled, labels):
    attributes = labels.settings["attributes"] | {"tool_version": "2", "configuration": {"batch_size": 4}}
    assert labels.create(filled.url, attributes=attributes).missing_shards() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shard_length": 8}, "shape.shard_length is 4, expected 8"),
        ({"encoding": LinearEncoding(0.1)}, "encoding.floor is 0.02, expected 0.1"),
        ({"attributes": {"teacher": {"name": "other"}}}, "teacher.name is 'made_up', expected 'other'"),
        ({"image_ids": np.arange(22)}, "image_id was made for other images"),
        ({"to_map": np.ones((22, 2, 3))}, "to_map was made for other images"),
        ({"image_ids": np.zeros(22)}, "image_ids must be ascending"),
    ],
)
def test_another_configuration_is_refused(filled, labels, changes, message):
    with pytest.raises(StoreError, match=message):
        labels.create(filled.url, **changes)
    assert filled.missing_shards() == []


def test_taken_or_unwritable_places_are_refused(labels, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="is not a soft-label store"):
        labels.create(tmp_path / "folder")
    with pytest.raises(StoreError, match="cannot be written"):
        labels.create(tmp_path / "folder" / "letter.txt")
    assert (tmp_path / "folder" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"attributes": {}}'])
def test_what_is_no_store_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "zarr.json").write_bytes(content)
    with pytest.raises(StoreError, match="is not a soft-label store"):
        SoftLabelStore.open(tmp_path)


def test_newer_format_is_refused(filled):
    path = filled.files.root / "zarr.json"
    document = json.loads(path.read_text())
    document["attributes"]["format_version"] = 3
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError, match="format_version is 3, this version reads 1 and 2"):
        SoftLabelStore.open(filled.url)


def test_wrong_shards_are_refused(filled, labels):
    heatmaps = np.zeros((4, 5, 24, 24))
    with pytest.raises(StoreError, match="shard 5 needs heatmaps"):
        filled.write_shard(5, heatmaps, [[]] * 4, [[]] * 4, [[]] * 4)
    with pytest.raises(StoreError, match="not finite"):
        filled.write_shard(0, heatmaps + np.nan, [[]] * 4, [[]] * 4, [[]] * 4)
    with pytest.raises(StoreError, match="opened for reading"):
        SoftLabelStore.open(filled.url).write_shard(0, heatmaps, [[]] * 4, [[]] * 4, [[]] * 4)
    assert filled.missing_shards() == []


def read_all(store, ids, results):
    results.put([float(store.read(i).heatmap.sum()) for i in ids])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_loader_workers_read_what_the_parent_reads(filled, labels, method):
    expected = [float(filled.read(i).heatmap.sum()) for i in labels.ids]
    assert filled._arrays["heatmap"][:].any()
    context = multiprocessing.get_context(method)
    results = context.Queue()
    worker = context.Process(target=read_all, args=(filled, labels.ids, results))
    worker.start()
    assert results.get(timeout=60) == expected
    worker.join()


def test_only_the_place_travels_to_another_process(filled):
    expected = filled.read(5).heatmap
    assert len(ForkingPickler.dumps(filled)) < 500
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(filled.read, 5).result().heatmap, expected)


@pytest.mark.parametrize("name", ["image_id/c/0", "to_map/c/0/0/0", "persons/zarr.json", "peak/zarr.json"])
def test_damage_to_what_creation_wrote_is_found_and_mended(filled, labels, name):
    path = filled.files.root / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError, match="does not match its checksum"):
        SoftLabelStore.open(filled.url).check()
    assert labels.create(filled.url).missing_shards() == []
    assert path.read_bytes() == content
    SoftLabelStore.open(filled.url).check()


def test_damaged_image_ids_are_named(filled):
    (filled.files.root / "image_id/c/0").write_bytes(b"xx")
    with pytest.raises(StoreError, match="image_id is damaged"):
        SoftLabelStore.open(filled.url).read(5)
