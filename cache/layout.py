"""The zarr side of a store: which arrays there are, their shards and codecs."""

import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.codecs import ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.errors import ZarrUserWarning
from zarr.storage import LocalStore

from cache import peaks
from cache.errors import StoreError

FORMAT_VERSION = 2
"Version that is written."
SHARDED = ("heatmap", "persons", "person_score", "peak")
"Arrays with one image a chunk and many images a shard; the others are small and written at creation."
SHARDED_BY_VERSION = {1: SHARDED[:3], FORMAT_VERSION: SHARDED}
"The same for each version that is read."
_SMALL = {"image_id": 1, "image_size": 2, "to_map": 3}
"Number of dimensions of the small arrays, each of which is one chunk."

# One thread for each reader: the pipeline's own threads do not survive a fork, and a loader worker that
# inherits it would wait for them forever. Loaders are parallel by processes.
_PIPELINE = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "threading.max_workers": 1}


def create(
    root: Path,
    *,
    image_ids: np.ndarray,
    image_sizes: np.ndarray,
    to_map: np.ndarray,
    num_keypoints: int,
    map_size: int,
    max_persons: int,
    shard_length: int,
    attributes: dict,
):
    """Write the group, its arrays and its attributes into an empty folder.

    Args:
        image_ids: (N,) ascending.
        image_sizes: (N, 2) width, height in pixels.
        to_map: (N, 2, 3) photograph to map coordinates.
    """
    store = LocalStore(root)
    group = zarr.create_group(store, zarr_format=3)
    small = {
        "image_id": np.asarray(image_ids, np.int64),
        "image_size": np.asarray(image_sizes, np.int32),
        "to_map": np.asarray(to_map, np.float32),
    }
    for name, values in small.items():
        group.create_array(name, data=values, chunks=values.shape)
    sharded = {
        "heatmap": (np.uint8, (num_keypoints, map_size, map_size)),
        "persons": (np.float32, (max_persons, num_keypoints, 3)),
        "person_score": (np.float32, (max_persons,)),
        "peak": (np.uint16, (max_persons * num_keypoints, len(peaks.COLUMNS))),
    }
    for name, (dtype, shape) in sharded.items():
        group.create_array(
            name,
            shape=(len(image_ids), *shape),
            chunks=(1, *shape),
            shards=(shard_length, *shape),
            dtype=dtype,
            fill_value=0,
            compressors=ZstdCodec(level=3, checksum=True),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(store)
        group = zarr.open_group(store, mode="r+")
        group.attrs.put(attributes)


def created_files(version: int) -> list[str]:
    """Names of the files that creation of a store of a version writes beside the attributes."""
    chunks = [f"{name}/c/{'/'.join('0' * dimensions)}" for name, dimensions in _SMALL.items()]
    return sorted([f"{name}/zarr.json" for name in (*_SMALL, *SHARDED_BY_VERSION[version])] + chunks)


def open_arrays(store: Store) -> dict[str, zarr.Array]:
    """The arrays by name, for reading; sharded ones on a file system with the fast pipeline, which reads no others."""
    group = zarr.open_group(store, mode="r")
    sharded = SHARDED_BY_VERSION[group.attrs["format_version"]]
    arrays = {name: group[name] for name in _SMALL}
    with zarr.config.set(_PIPELINE if isinstance(store, LocalStore) else {}):
        return arrays | {name: group[name] for name in sharded}


@contextmanager
def scratch_folder(*refusals: type[Exception]) -> Iterator[Path]:
    """Context that gives a temporary folder, which is gone at its end.

    Args:
        refusals: what is raised within where the folder cannot be written.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="labels-") as folder:
            yield Path(folder)
    except refusals as error:
        if isinstance(error, OSError) and error.errno is None:
            raise
        reason = getattr(error, "strerror", None) or error
        place = tempfile.tempdir or os.environ.get("TMPDIR", "/tmp")
        raise StoreError(
            f"the temporary folder {place} cannot be written ({reason}); make room there, or name another one by TMPDIR"
        ) from error


def encode_shard(
    arrays: Mapping[str, zarr.Array], shard: int, rows: slice, values: Mapping[str, np.ndarray]
) -> dict[str, bytes | None]:
    """The file of one shard for each array, made in a temporary folder; None where all values are zero.

    Args:
        arrays: as `open_arrays` gives them.
        rows: of the shard.
        values: for each sharded array its (n, ...) values.
    """
    contents = {}
    with scratch_folder(OSError, RuntimeError) as folder:
        for name, value in values.items():
            array = _scratch_array(folder, arrays[name])
            array[rows] = value
            written = folder / shard_key(array, shard)
            contents[name] = written.read_bytes() if written.exists() else None
    return contents


def decode_shard(
    arrays: Mapping[str, zarr.Array], shard: int, rows: slice, contents: Mapping[str, bytes | None]
) -> dict[str, np.ndarray]:
    """Values (n, ...) of one shard for each array from its files, as `encode_shard` gives them."""
    values = {}
    with scratch_folder(OSError) as folder:
        for name, content in contents.items():
            array = _scratch_array(folder, arrays[name])
            if content is not None:
                file = folder / shard_key(array, shard)
                file.parent.mkdir(parents=True)
                file.write_bytes(content)
            values[name] = array[rows]
    return values


def _scratch_array(folder: Path, array: zarr.Array) -> zarr.Array:
    """An array of the same name, shape and codecs, without values, in a folder that the fast pipeline reads."""
    (folder / array.path).mkdir()
    for file, content in array.metadata.to_buffer_dict(default_buffer_prototype()).items():
        (folder / array.path / file).write_bytes(content.to_bytes())
    with zarr.config.set(_PIPELINE):
        return zarr.open_array(LocalStore(folder), path=array.path, mode="r+")


def shard_key(array: zarr.Array, shard: int) -> str:
    """Name of the file, relative to the store, that holds a shard of an array."""
    index = (shard,) + (0,) * (array.ndim - 1)
    return f"{array.path}/{array.metadata.encode_chunk_key(index)}"
