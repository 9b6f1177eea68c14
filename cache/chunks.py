"""One image's values of a sharded array, read straight from the shard's file.

zarr's own reading of an item goes through an event loop in a thread, which takes longer than the decoding of
small chunks. What lies here is fixed by the format: an index of offsets and sizes at the end of each shard
(zarr v3, sharding codec 1.0), and zstd frames with checksums.
"""

import google_crc32c
import numpy as np
import zarr
from numcodecs import zstd

from cache import layout
from cache.files import Files

_ABSENT = np.iinfo(np.uint64).max
_CHECKSUM = 4  # bytes


class Chunks:
    """Items of a sharded array; the index of each shard is read once and kept, 16 bytes an image.

    Args:
        array: one of `layout.SHARDED`.
    """

    def __init__(self, files: Files, array: zarr.Array):
        self.files, self.array = files, array
        self.shard_length = array.shards[0]
        self._indices: dict[int, np.ndarray] = {}

    def read(self, row: int) -> np.ndarray | None:
        """Values of one row, of the array's other dimensions; None where the shard has no file, which means zeros.

        Raises:
            ValueError, RuntimeError: the shard is damaged.
        """
        shard, position = divmod(row, self.shard_length)
        try:
            return self._read(shard, position)
        except (ValueError, RuntimeError):
            # The file may have been replaced since its index was read.
            if self._indices.pop(shard, None) is None:
                raise
            return self._read(shard, position)

    def _read(self, shard: int, position: int) -> np.ndarray | None:
        index = self._index(shard)
        if index is None:
            return None
        values = np.zeros(self.array.shape[1:], self.array.dtype)
        if index[position, 0] == _ABSENT:
            return values
        offset, size = index[position].tolist()
        content = self.files.read_range(self._key(shard), offset, offset + size)
        if content is None or len(content) != size:
            raise ValueError("the file is cut off")
        zstd.decompress(content, values)
        return values

    def _index(self, shard: int) -> np.ndarray | None:
        """(n, 2) offset and size of each chunk, None where the file is absent."""
        if shard not in self._indices:
            size = 16 * self.shard_length + _CHECKSUM
            content = self.files.read_range(self._key(shard), -size, None)
            if content is None:
                return None
            if len(content) != size or google_crc32c.value(content[:-_CHECKSUM]) != int.from_bytes(
                content[-_CHECKSUM:], "little"
            ):
                raise ValueError("the index does not match its checksum")
            self._indices[shard] = np.frombuffer(content, "<u8", 2 * self.shard_length).reshape(-1, 2)
        return self._indices[shard]

    def _key(self, shard: int) -> str:
        return layout.shard_key(self.array, shard)
