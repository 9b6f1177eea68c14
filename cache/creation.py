"""Making an empty store: its claim on the place, its small arrays, and last of all its attributes."""

import hashlib
import json
from collections.abc import Collection, Mapping

import numpy as np

from cache import layout
from cache.errors import StoreError
from cache.files import Files, LocalFiles

ROOT = "zarr.json"
CLAIM = ".claim"
"File that says for which store the place was taken; the first written, so that two stores never mix in one place."


def read_attributes(files: Files) -> dict | None:
    """Attributes of a store that was wholly created, or None."""
    content = files.read(ROOT) or b"{}"
    try:
        attributes = json.loads(content).get("attributes", {})
    except (ValueError, AttributeError):
        return None
    return attributes if "format_version" in attributes else None


def write_layout(
    files: Files, url: str, attributes: dict, arrays: Mapping[str, np.ndarray], provenance: Collection[str]
):
    """Write everything but the labels.

    Several processes may do so at once without a lock: each writes the same files, each of them whole, and
    the attributes, which make it a store, once and last. An interrupted creation is done again in the same way.

    Args:
        attributes: all of the store's, with its shape.
        arrays: image_ids, image_sizes and to_map, as `layout.create` takes them.
        provenance: names of attributes that may differ between the processes.

    Raises:
        StoreError: the place is taken by something else, or cannot be written.
    """
    shape = attributes["shape"]
    try:
        with layout.scratch_folder(OSError) as folder:
            layout.create(
                folder,
                **arrays,
                num_keypoints=shape["keypoints"],
                map_size=shape["map_size"],
                max_persons=shape["max_persons"],
                shard_length=shape["shard_length"],
                attributes=attributes,
            )
            made = LocalFiles(folder)
            contents = made.read_all(sorted(made.sizes()))
        root = contents.pop(ROOT)
        _claim(files, url, _digest({k: v for k, v in attributes.items() if k not in provenance}, contents))
        for name, content in contents.items():
            files.put(name, content)
        files.put_new(ROOT, root)
    except OSError as error:
        reason = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        raise StoreError(f"{url}: cannot be written ({reason}); choose another place") from error


def is_damaged(files: Files, attributes: dict, provenance: Collection[str]) -> bool:
    """Whether the small arrays of a store are not those that it was created with."""
    claim = files.read(CLAIM)
    found = files.read_all(layout.created_files(attributes["format_version"]))
    return claim is not None and claim != _digest({k: v for k, v in attributes.items() if k not in provenance}, found)


def _digest(attributes: dict, contents: Mapping[str, bytes]) -> bytes:
    digest = hashlib.sha256(json.dumps(attributes, sort_keys=True).encode())
    for name in sorted(contents):
        digest.update(contents[name])
    return digest.hexdigest().encode()


def _claim(files: Files, url: str, digest: bytes):
    """Take the place, or find that it was taken for the same store."""
    is_taken = bool(files.sizes())
    found = files.read(CLAIM)
    if found is None:
        if is_taken:
            raise StoreError(f"{url} exists and is not a soft-label store; choose another place")
        found = digest if files.put_new(CLAIM, digest) else files.read(CLAIM)
    if found != digest:
        raise StoreError(
            f"{url}: a store with other settings was begun here; choose another place, or delete what is there"
        )
