import gzip
import json
import struct
import subprocess
import sys

import google_crc32c
import numpy as np
import pytest

from cache.errors import StoreError
from cache.store import SoftLabelStore
from distill.labelling.tfrecord import export_store, write_records

IDS = np.array([3, 2**33, 2**40 + 5])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three images in two shards, the first without persons."""
    rng = np.random.default_rng(0)
    to_map = [[[0.1 * i, 0, 1], [0, 0.1 * i, 2]] for i in (1, 2, 3)]
    store = SoftLabelStore.create(
        tmp_path_factory.mktemp("tfrecord") / "labels.zarr",
        image_ids=IDS,
        image_sizes=np.array([[640, 480], [300, 400], [7, 9]]),
        to_map=np.array(to_map),
        num_keypoints=5,
        map_size=16,
        shard_length=2,
        attributes={"split": "val2017"},
    )
    for shard, count in enumerate((2, 1)):
        persons = [rng.uniform(1, 9, (i, 5, 3)) for i in (range(2) if shard == 0 else [3])]
        peaks = [rng.random((n, 5)) for n in ((0, 7) if shard == 0 else (3,))]
        store.write_shard(
            shard, rng.random((count, 5, 16, 16)), persons, [np.ones(len(some)) for some in persons], peaks
        )
    return store


def test_framing_and_checksums(tmp_path):
    """Length, its checksum, content, its checksum: as the TFRecord format says, with known masked CRCs."""
    write_records(tmp_path / "a.gz", [{"a": b"xy"}, {"b": np.arange(3)}])
    content = gzip.decompress((tmp_path / "a.gz").read_bytes())
    lengths = []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        record, content = content[: 16 + length], content[16 + length :]
        for part, stored in ((record[:8], record[8:12]), (record[12:-4], record[-4:])):
            crc = google_crc32c.value(part)
            masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
            assert struct.unpack("<I", stored) == (masked,)
        lengths.append(length)
    assert lengths == [15, 16]
    assert [path.name for path in tmp_path.iterdir()] == ["a.gz"]


def test_same_store_same_bytes(store, tmp_path):
    for folder in ("one", "two"):
        assert list(export_store(store, tmp_path / folder)) == [2, 1]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_missing_shard_is_refused(store, tmp_path):
    partial = SoftLabelStore.create(
        tmp_path / "partial.zarr",
        image_ids=IDS,
        image_sizes=store.image_sizes,
        to_map=store.to_map,
        num_keypoints=5,
        map_size=16,
        attributes={},
    )
    with pytest.raises(StoreError, match="missing or torn"):
        list(export_store(partial, tmp_path / "out"))


READER = """
import json, sys
import numpy as np
import tensorflow as tf
folder, out = sys.argv[1:]
description = json.load(open(f"{folder}/labels.json"))
spec = {
    "image_id": tf.io.FixedLenFeature([], tf.int64),
    "image_size": tf.io.FixedLenFeature([2], tf.int64),
    "to_map": tf.io.FixedLenFeature([2, 3], tf.float32),
    "heatmap": tf.io.FixedLenFeature([], tf.string),
    "persons": tf.io.FixedLenSequenceFeature([5, 3], tf.float32, allow_missing=True),
    "person_score": tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
    "peaks": tf.io.FixedLenSequenceFeature([5], tf.float32, allow_missing=True),
}
assert spec.keys() == description["features"].keys()
files = tf.data.Dataset.list_files(f"{folder}/{description['files']}", shuffle=False)
records = tf.data.TFRecordDataset(files, compression_type=description["compression_type"])
values = {}
for record in records:
    example = tf.io.parse_single_example(record, spec)
    heatmap = tf.reshape(tf.io.decode_raw(example["heatmap"], tf.uint8), (5, 16, 16))
    example["heatmap"] = tf.cast(heatmap, tf.float32) / 255
    values |= {f"{example['image_id'].numpy()}/{name}": value.numpy() for name, value in example.items()}
np.savez(out, **values)
"""


@pytest.mark.slow
def test_tensorflow_reads_every_value(store, tmp_path):
    list(export_store(store, tmp_path / "out"))
    command = [sys.executable, "-c", READER, str(tmp_path / "out"), str(tmp_path / "read.npz")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    read = np.load(tmp_path / "read.npz")
    assert len(read.files) == 3 * 7
    for image_id, size in zip(IDS, store.image_sizes, strict=True):
        label = store.read(image_id)
        assert read[f"{image_id}/image_id"] == image_id
        np.testing.assert_array_equal(read[f"{image_id}/image_size"], size)
        np.testing.assert_allclose(read[f"{image_id}/to_map"], label.to_map, rtol=1e-6)
        np.testing.assert_allclose(read[f"{image_id}/heatmap"], label.heatmap, atol=1e-6)
        np.testing.assert_array_equal(read[f"{image_id}/persons"], label.persons)
        np.testing.assert_array_equal(read[f"{image_id}/person_score"], label.person_score)
        np.testing.assert_array_equal(read[f"{image_id}/peaks"], label.peaks)


def test_description_says_what_is_in_the_files(store, tmp_path):
    list(export_store(store, tmp_path))
    description = json.loads((tmp_path / "labels.json").read_text())
    assert len(list(tmp_path.glob(description["files"]))) == 2
    assert description["store"]["split"] == "val2017"
