"""Completion markers: a shard counts only once its marker, written last, matches its files.

A marker is a JSON file `complete/000012.json` with size and SHA-256 of the shard's file in each array.
A file that is rightly absent, because zarr does not write a shard of zeros, is recorded as null.
"""

import json
from collections.abc import Mapping

from cache.files import LocalFiles


def write(files: LocalFiles, shard: int, keys: Mapping[str, str]):
    """Declare a shard complete.

    Args:
        keys: file of the shard by name of the array.
    """
    for key in keys.values():
        files.sync(key)
    arrays = {
        name: None if files.size(key) is None else {"bytes": files.size(key), "sha256": files.sha256(key)}
        for name, key in keys.items()
    }
    files.put(_name(shard), json.dumps({"shard": shard, "arrays": arrays}, indent=1).encode())


def delete(files: LocalFiles, shard: int):
    """Declare a shard incomplete."""
    files.delete(_name(shard))


def matches(files: LocalFiles, shard: int, keys: Mapping[str, str], *, checksums: bool) -> bool:
    """Whether a shard is complete: by checksum, or only by marker and file sizes, which is quick."""
    content = files.read(_name(shard))
    try:
        arrays = json.loads(content)["arrays"] if content else None
    except (ValueError, KeyError, TypeError):
        return False
    if not isinstance(arrays, dict) or arrays.keys() != keys.keys():
        return False
    return all(_file_matches(files, keys[name], arrays[name], checksums) for name in keys)


def _file_matches(files: LocalFiles, key: str, recorded: object, checksums: bool) -> bool:
    size = files.size(key)
    if size is None or not isinstance(recorded, dict):
        return size is None and recorded is None
    return size == recorded.get("bytes") and (not checksums or files.sha256(key) == recorded.get("sha256"))


def _name(shard: int) -> str:
    return f"complete/{shard:06d}.json"
