"""The zarr side of a store: which arrays there are, their shards and codecs."""

import warnings
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.errors import ZarrUserWarning
from zarr.storage import LocalStore

FORMAT_VERSION = 1
SHARDED = ("heatmap", "persons", "person_score")
"Arrays with one image a chunk and many images a shard; the others are small and written at creation."

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
    """Write the group, its arrays and, last of all and at once, its attributes.

    What an interrupted creation left behind is replaced.

    Args:
        image_ids: (N,) ascending.
        image_sizes: (N, 2) width, height in pixels.
        to_map: (N, 2, 3) photograph to map coordinates.
    """
    store = LocalStore(root)
    group = zarr.open_group(store, mode="a", zarr_format=3)
    small = {
        "image_id": np.asarray(image_ids, np.int64),
        "image_size": np.asarray(image_sizes, np.int32),
        "to_map": np.asarray(to_map, np.float32),
    }
    for name, values in small.items():
        group.create_array(name, data=values, chunks=values.shape, overwrite=True)
    sharded = {
        "heatmap": (np.uint8, (num_keypoints, map_size, map_size)),
        "persons": (np.float32, (max_persons, num_keypoints, 3)),
        "person_score": (np.float32, (max_persons,)),
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
            overwrite=True,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(store)
        group = zarr.open_group(store, mode="r+")
        group.attrs.put(attributes)


def open_arrays(root: Path, *, writable: bool) -> dict[str, zarr.Array]:
    """The arrays by name; the sharded ones with the fast codec pipeline, which nothing else then uses."""
    group = zarr.open_group(LocalStore(root, read_only=not writable), mode="r+" if writable else "r")
    arrays = {name: group[name] for name in ("image_id", "image_size", "to_map")}
    with zarr.config.set(_PIPELINE):
        return arrays | {name: group[name] for name in SHARDED}


def shard_key(array: zarr.Array, shard: int) -> str:
    """Name of the file, relative to the store, that holds a shard of an array."""
    index = (shard,) + (0,) * (array.ndim - 1)
    return f"{array.path}/{array.metadata.encode_chunk_key(index)}"
