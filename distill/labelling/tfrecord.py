"""Soft labels as TFRecord files of tf.train.Example, which tf.data reads; TensorFlow is not needed to write them."""

import gzip
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import google_crc32c
import numpy as np

from cache.store import SoftLabelStore
from distill.system.files import write_atomically

DESCRIPTION = "labels.json"
_LEVELS = 255
_CRC_MASK = 0xA282EAD8


def export_store(store: SoftLabelStore, folder: Path) -> Iterator[int]:
    """Write one gzip file of records for each shard, and what they mean; yields the images of each when it is there.

    A record has `image_id` int64, `image_size` int64 (2,) width and height, `to_map` float (6,) row by row,
    `heatmap` bytes (K, H, W) uint8 in steps of 1/255, `persons` float (P x K x 3) x, y in photograph pixels and
    score, `person_score` float (P,), and `peaks` float (M x 5) joint, x, y in photograph pixels, confidence, width
    in pixels, which stores of version 1 do not have.

    Raises:
        StoreError: a shard is missing or damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shape = store.attributes["shape"]
    description = {
        "files": f"labels-*-of-{store.num_shards:05d}.tfrecord.gz",
        "compression_type": "GZIP",
        "features": {
            "image_id": "int64 ()",
            "image_size": "int64 (2): width, height, pixels",
            "to_map": "float32 (2, 3): photograph to map coordinates, both continuous",
            "heatmap": f"bytes: uint8 ({shape['keypoints']}, {shape['map_size']}, {shape['map_size']}), 255 is 1.0",
            "persons": f"float32 (P, {shape['keypoints']}, 3): x, y in photograph pixels, score",
            "person_score": "float32 (P)",
            **({"peaks": "float32 (M, 5): joint, x, y, confidence, width, pixels"} if store.has_peaks else {}),
        },
        "store": store.attributes,
    }
    for shard in range(store.num_shards):
        write_records(folder / f"labels-{shard:05d}-of-{store.num_shards:05d}.tfrecord.gz", _examples(store, shard))
        yield len(store.shard_image_ids(shard))
    write_atomically(folder / DESCRIPTION, json.dumps(description, indent=1).encode())


def write_records(path: Path, examples: Iterable[Mapping[str, bytes | np.ndarray]]):
    """Write a gzip TFRecord file, whole or not at all.

    Args:
        examples: values by name: bytes, or an array of integers or floats, which is flattened.
    """
    write_atomically(
        path, gzip.compress(b"".join(_record(_serialised(each)) for each in examples), compresslevel=4, mtime=0)
    )


def _examples(store: SoftLabelStore, shard: int) -> Iterator[dict[str, bytes | np.ndarray]]:
    sizes = dict(zip(store.image_ids.tolist(), store.image_sizes, strict=True))
    for stored in store.read_shard(shard):
        label = stored.decode()
        yield {
            "image_id": np.array(stored.image_id),
            "image_size": sizes[stored.image_id],
            "to_map": label.to_map,
            "heatmap": np.rint(label.heatmap * _LEVELS).astype(np.uint8).tobytes(),
            "persons": label.persons,
            "person_score": label.person_score,
            **({} if label.peaks is None else {"peaks": label.peaks}),
        }


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _masked_crc(length) + content + _masked_crc(content)


def _masked_crc(content: bytes) -> bytes:
    crc = google_crc32c.value(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _CRC_MASK) & 0xFFFFFFFF)


def _serialised(values: Mapping[str, bytes | np.ndarray]) -> bytes:
    """A tf.train.Example in the wire format of protocol buffers, with these features in their order."""
    entries = (_field(1, name.encode()) + _field(2, _feature(value)) for name, value in values.items())
    return _field(1, b"".join(_field(1, entry) for entry in entries))


def _feature(value: bytes | np.ndarray) -> bytes:
    """A tf.train.Feature: a BytesList is its field 1, a packed FloatList 2, a packed Int64List 3."""
    if isinstance(value, bytes):
        return _field(1, _field(1, value))
    if np.issubdtype(value.dtype, np.integer):
        return _field(3, _field(1, b"".join(map(_varint, value.reshape(-1).tolist()))))
    return _field(2, _field(1, value.astype("<f4").tobytes()))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
