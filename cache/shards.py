"""The shards of a soft-label store: which are complete, and what is stored in them."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from cache import layout, markers
from cache.chunks import Chunks
from cache.created import BUILD_AGAIN, CreatedStore
from cache.errors import StoreError


class ShardedStore(CreatedStore):
    """A created store and its shards, read as they are stored."""

    def __init__(self, url: str | Path, *, writable: bool = False):
        super().__init__(url, writable=writable)
        self._complete: set[int] = set()

    def shard_image_ids(self, shard: int) -> np.ndarray:
        """(n,) ids of the images of a shard."""
        return self.image_ids[self._rows(shard)]

    def missing_shards(self, shards: Sequence[int] | None = None, *, checksums: bool = True) -> list[int]:
        """Shards that are not there, or not as their completion marker says.

        Args:
            shards: those to look at, by default all.
            checksums: compare the SHA-256 of every file; otherwise only its size, which is quick.
        """
        shards = range(self.num_shards) if shards is None else shards
        keys = {shard: self._shard_keys(shard) for shard in shards}
        complete = markers.complete(self.files, keys, checksums=checksums)
        return [shard for shard in shards if shard not in complete]

    def is_complete(self, shard: int, *, checksums: bool = True) -> bool:
        """Whether a shard is there as its completion marker says."""
        return not self.missing_shards([shard], checksums=checksums)

    def _shard_values(self, shard: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Stored values (n, ...) of a shard for each of the named arrays."""
        rows, keys = self._rows(shard), self._shard_keys(shard)
        keys = {name: keys[name] for name in names}
        self._check_shard(shard, self.image_ids[rows.start])
        found = self.files.read_all(keys.values())
        contents = {name: found.get(key) for name, key in keys.items()}
        if None in contents.values():
            self._check_absent(rows.start)
        try:
            return layout.decode_shard(self._arrays, shard, rows, contents)
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreError(f"{self.url}: shard {shard} is damaged ({error}); {BUILD_AGAIN}") from error

    def _row(self, image_id: int) -> int:
        row = int(np.searchsorted(self.image_ids, image_id))
        if row == len(self) or self.image_ids[row] != image_id:
            raise StoreError(f"{self.url}: image_id {image_id} has no label; the store was made for other images")
        self._check_shard(row // self.shard_length, image_id)
        return row

    def _check_shard(self, shard: int, image_id: int):
        if shard not in self._complete:
            if not self.is_complete(shard, checksums=False):
                raise StoreError(
                    f"{self.url}: shard {shard}, which holds image_id {image_id}, is missing or torn; {BUILD_AGAIN}"
                )
            self._complete.add(shard)

    def _check_absent(self, row: int):
        """A file that is not there must be one of zeros, not one that was removed since the shard was checked."""
        shard = row // self.shard_length
        self._complete.discard(shard)
        self._check_shard(shard, self.image_ids[row])

    def _shard_keys(self, shard: int) -> dict[str, str]:
        return {name: layout.shard_key(self._arrays[name], shard) for name in self.sharded}

    @cached_property
    def _chunks(self) -> dict[str, Chunks]:
        return {name: Chunks(self.files, self._arrays[name]) for name in self.sharded}

    def _item(self, name: str, row: int) -> np.ndarray:
        try:
            values = self._chunks[name].read(row)
        except StoreError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreError(
                f"{self.url}: {name} of image_id {self.image_ids[row]} is damaged ({error}); {BUILD_AGAIN}"
            ) from error
        if values is None:
            self._check_absent(row)
            return np.zeros(self._arrays[name].shape[1:], self._arrays[name].dtype)
        return values
