"""An epoch of labels read front to back, for storage on which random reads are slow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cache.errors import StoreError
from cache.label import SoftLabel, StoredLabel
from cache.store import SoftLabelStore


class LabelReader:
    """Labels of a store in an order that is random and yet reads every file once, as a whole.

    The shards of an epoch come in random order, the next is read while labels of the last are handed out,
    and a buffer mixes their labels. Everything is a function of seed, epoch and the number of readers.

    Args:
        image_ids: only these, by default all of the store.
        buffer: labels that wait to be drawn; the more, the better they are mixed. They wait encoded, one byte
            a map cell.
        seed: of the order.
        reader: number of this reader, from 0, among all loader workers of all processes:
            process * workers + worker.
        num_readers: processes * workers. Each shard is read by one of them, so their shares are equal but
            for one shard.

    Raises:
        StoreError: a value is out of range, or the store lacks an image.
    """

    def __init__(
        self,
        store: SoftLabelStore,
        image_ids: np.ndarray | None = None,
        *,
        buffer: int = 1024,
        seed: int = 0,
        reader: int = 0,
        num_readers: int = 1,
    ):
        if buffer < 1:
            raise StoreError(f"buffer must be at least 1, not {buffer}")
        if not 0 <= reader < num_readers:
            raise StoreError(f"reader must be 0 or more and below num_readers, not {reader} of {num_readers}")
        wanted = store.image_ids if image_ids is None else np.asarray(image_ids)
        if len(absent := np.setdiff1d(wanted, store.image_ids)):
            raise StoreError(f"{store.url}: image_id {absent[0]} has no label; the store was made for other images")
        self.store, self.buffer, self.seed = store, buffer, seed
        self.reader, self.num_readers = reader, num_readers
        self._wanted = frozenset(wanted.tolist())
        self._shards = np.unique(np.searchsorted(store.image_ids, wanted) // store.shard_length)

    def epoch(self, number: int) -> Iterator[tuple[int, SoftLabel]]:
        """This reader's image ids and labels of one epoch, each once.

        Raises:
            StoreError: a shard is missing or damaged.
        """
        rng = np.random.default_rng([self.seed, number])
        shards = rng.permutation(self._shards)[self.reader :: self.num_readers].tolist()
        rng = np.random.default_rng([self.seed, number, self.reader, self.num_readers])
        waiting: list[StoredLabel] = []
        for labels in self._ahead(shards):
            waiting += labels
            while len(waiting) > self.buffer:
                yield _draw(waiting, rng)
        while waiting:
            yield _draw(waiting, rng)

    def peaks(self) -> Iterator[tuple[int, np.ndarray]]:
        """This reader's image ids and peaks, each once and in the store's order; nothing else is read.

        Raises:
            StoreError: a shard is missing or damaged, or the store is of version 1, which has no peaks.
        """
        for shard in self._shards[self.reader :: self.num_readers].tolist():
            found = zip(self.store.shard_image_ids(shard).tolist(), self.store.read_shard_peaks(shard), strict=True)
            yield from ((image_id, peaks) for image_id, peaks in found if image_id in self._wanted)

    def persons(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """This reader's image ids, persons (P, K, 3) in photograph pixels and scores (P,), in the store's order.

        Nothing else is read.

        Raises:
            StoreError: a shard is missing or damaged.
        """
        for shard in self._shards[self.reader :: self.num_readers].tolist():
            found = zip(self.store.shard_image_ids(shard).tolist(), self.store.read_shard_persons(shard), strict=True)
            yield from ((image_id, *persons) for image_id, persons in found if image_id in self._wanted)

    def _ahead(self, shards: list[int]) -> Iterator[list[StoredLabel]]:
        """The wanted labels of each shard; the next shard is read meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            coming = None
            for shard in shards:
                ready, coming = coming, pool.submit(self.store.read_shard, shard)
                if ready:
                    yield self._select(ready.result())
            if coming:
                yield self._select(coming.result())

    def _select(self, labels: list[StoredLabel]) -> list[StoredLabel]:
        return [label for label in labels if label.image_id in self._wanted]


def _draw(waiting: list[StoredLabel], rng: np.random.Generator) -> tuple[int, SoftLabel]:
    """Take a random label out."""
    position = rng.integers(len(waiting))
    waiting[position], waiting[-1] = waiting[-1], waiting[position]
    label = waiting.pop()
    return label.image_id, label.decode()
