"""Completion markers: a shard counts only once its marker, written last, matches its files.

A marker is a JSON file `complete/000012.json` with size and SHA-256 of the shard's file in each array.
A file that is rightly absent, because zarr does not write a shard of zeros, is recorded as null.
"""

import hashlib
import json
from collections.abc import Callable, Mapping

from cache.files import Files


def write(files: Files, shard: int, contents: Mapping[str, bytes | None]):
    """Declare a shard complete.

    Args:
        contents: of the shard's file by name of the array, as it was just written.
    """
    arrays = {
        name: None if content is None else {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }
    files.put(_name(shard), json.dumps({"shard": shard, "arrays": arrays}, indent=1).encode())


def delete(files: Files, shard: int):
    """Declare a shard incomplete."""
    files.delete(_name(shard))


def complete(files: Files, keys: Mapping[int, Mapping[str, str]], *, checksums: bool) -> set[int]:
    """Those shards that are there as their markers say: by checksum, or only by sizes, which is quick.

    Args:
        keys: for each shard to look at, its file by name of the array.
    """
    size = files.size if len(keys) == 1 else files.sizes().get
    markers = files.read_all([_name(shard) for shard in keys])
    return {
        shard
        for shard, names in keys.items()
        if _matches(files, names, _recorded(markers.get(_name(shard), b"")), size, checksums)
    }


def _recorded(marker: bytes) -> dict:
    try:
        arrays = json.loads(marker)["arrays"]
    except (ValueError, KeyError, TypeError):
        return {}
    return arrays if isinstance(arrays, dict) else {}


def _matches(
    files: Files, keys: Mapping[str, str], recorded: dict, size: Callable[[str], int | None], checksums: bool
) -> bool:
    if recorded.keys() != keys.keys():
        return False
    for name, key in keys.items():
        found, wanted = size(key), recorded[name]
        if found is None or not isinstance(wanted, dict):
            if not found is wanted is None:
                return False
        elif found != wanted.get("bytes") or (checksums and files.sha256(key) != wanted.get("sha256")):
            return False
    return True


def _name(shard: int) -> str:
    return f"complete/{shard:06d}.json"
