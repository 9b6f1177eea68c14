"""What was fixed when a soft-label store was created: its attributes, its images and its arrays."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import zarr

from cache import creation, layout
from cache.attributes import differences
from cache.encoding import LinearEncoding, from_attributes
from cache.errors import StoreError
from cache.files import open_files

PROVENANCE = ("tool_version", "configuration")
"Attributes that say how a store was made and may differ when it is resumed."
BUILD_AGAIN = "run the same `distill-cache build` again to mend it"
"Advice that ends messages on damage."


class CreatedStore:
    """A zarr v3 group at a path or URL.

    Arrays are opened at first use in each process, so a store may be pickled or inherited by a fork.
    """

    def __init__(self, url: str | Path, *, writable: bool = False):
        self.url, self.writable = str(url), writable
        self.files = open_files(url)
        self._opened: tuple[int, dict[str, zarr.Array]] | None = None

    def __getstate__(self) -> dict:
        return {"url": self.url, "writable": self.writable}

    def __setstate__(self, state: dict):
        self.__init__(state["url"], writable=state["writable"])

    @cached_property
    def attributes(self) -> dict:
        """All attributes, as JSON values."""
        return creation.read_attributes(self.files) or {}

    @property
    def has_peaks(self) -> bool:
        """Whether peaks are stored, which is since version 2."""
        return "peak" in self.sharded

    @property
    def sharded(self) -> tuple[str, ...]:
        """Names of the arrays with many images a shard."""
        return layout.SHARDED_BY_VERSION[self.attributes["format_version"]]

    @cached_property
    def encoding(self) -> LinearEncoding:
        """What turns the stored bytes into heatmap values."""
        return from_attributes(self.attributes["encoding"])

    @cached_property
    def image_ids(self) -> np.ndarray:
        """(N,) int64, ascending."""
        return self._whole("image_id")

    @cached_property
    def image_sizes(self) -> np.ndarray:
        """(N, 2) int32: width, height in pixels."""
        return self._whole("image_size")

    @cached_property
    def long_sides(self) -> np.ndarray:
        """(N,) int32: the longer of width and height, pixels."""
        return self.image_sizes.max(axis=1)

    @cached_property
    def to_map(self) -> np.ndarray:
        """(N, 2, 3) float64: photograph to map coordinates."""
        return self._whole("to_map").astype(np.float64)

    def __len__(self) -> int:
        return self.attributes["shape"]["images"]

    @property
    def shard_length(self) -> int:
        """Images a shard."""
        return self.attributes["shape"]["shard_length"]

    @property
    def num_shards(self) -> int:
        """Shards of the whole store, complete or not."""
        return -(-len(self) // self.shard_length)

    def check_created(self):
        """Refuse a store whose image ids, sizes and matrices are not those that it was created with.

        Raises:
            StoreError: they do not match their checksum.
        """
        if creation.is_damaged(self.files, self.attributes, PROVENANCE):
            raise StoreError(f"{self.url}: image_id, image_size or to_map does not match its checksum; {BUILD_AGAIN}")

    def _require(self, expected: Mapping, advice: str):
        for field, found, wanted in differences(self.attributes, expected):
            raise StoreError(f"{self.url}: {field} is {found!r}, expected {wanted!r}; {advice}")

    @property
    def _arrays(self) -> dict[str, zarr.Array]:
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), layout.open_arrays(self.files.zarr_store())
        return self._opened[1]

    def _rows(self, shard: int) -> slice:
        if not 0 <= shard < self.num_shards:
            raise StoreError(f"{self.url}: there is no shard {shard}, only 0 to {self.num_shards - 1}")
        return slice(shard * self.shard_length, min((shard + 1) * self.shard_length, len(self)))

    def _whole(self, name: str) -> np.ndarray:
        try:
            return self._arrays[name][:]
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreError(f"{self.url}: {name} is damaged ({error}); {BUILD_AGAIN}") from error
