"""Rows of many images, read from a store front to back and held in flat arrays."""

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from cache.reader import LabelReader
from cache.store import SoftLabelStore
from distill.data.workers import read_batches
from distill.system.errors import InputError

_PART = 32  # images

Rows = Iterator[tuple[int, np.ndarray]]
"Ids of images and the rows (n, C) float32 of each."
Part = tuple[np.ndarray, np.ndarray, np.ndarray]
"Some images: ids (n,), numbers of their rows (n,), and their rows (M, C) one after another."


class HeldRows:
    """Rows of many images in three flat arrays, which forked processes share as long as nobody writes.

    Args:
        parts: of all images, in any order; no image twice.
        what: the rows are called in messages.
    """

    def __init__(self, parts: list[Part], what: str):
        ids, counts, rows = (np.concatenate(values) for values in zip(*parts, strict=True))
        order = np.argsort(ids)
        self.image_ids, self.rows, self.what = ids[order], rows, what
        self.spans = np.stack([np.cumsum(counts) - counts, np.cumsum(counts)], axis=1)[order]

    def __call__(self, image_id: int) -> np.ndarray:
        """Rows of one image.

        Raises:
            InputError: it is not among the images.
        """
        position = int(np.searchsorted(self.image_ids, image_id))
        if position == len(self.image_ids) or self.image_ids[position] != image_id:
            raise InputError(f"the {self.what} of image_id {image_id} are not held")
        return self.rows[slice(*self.spans[position])]


def preload_rows(
    rows_of: Callable[[LabelReader], Rows],
    what: str,
    store: SoftLabelStore,
    image_ids: np.ndarray,
    *,
    workers: int,
    progress: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> HeldRows | None:
    """Rows of all the images, for which each file of the store is read once, as a whole; None when stopped.

    Args:
        rows_of: what is read; a function of a module, for workers are given it.
        what: the rows are called in messages.
        image_ids: (N,) images of the store.
        workers: processes that read; 0 does so in this process.
        progress: called with images read and to be read.
        stop: asked after some images each.

    Raises:
        StoreError: the store lacks an image, or a shard is missing or damaged.
    """
    held, done = [], 0
    progress(done, len(image_ids))
    for part in read_batches(_Found(rows_of, store, image_ids), _part, workers, batch_size=_PART):
        if stop():
            return None
        held.append(part)
        done += len(part[0])
        progress(done, len(image_ids))
    return HeldRows(held, what)


class _Found(IterableDataset):
    """Ids and rows of images, of which each loader worker reads shards of its own."""

    def __init__(self, rows_of: Callable[[LabelReader], Rows], store: SoftLabelStore, image_ids: np.ndarray):
        self.rows_of, self.store, self.image_ids = rows_of, store, image_ids

    def __iter__(self) -> Rows:
        worker = get_worker_info()
        share = (worker.id, worker.num_workers) if worker else (0, 1)
        reader = LabelReader(self.store, self.image_ids, buffer=1, reader=share[0], num_readers=share[1])
        yield from self.rows_of(reader)


def _part(found: list[tuple[int, np.ndarray]]) -> Part:
    ids, rows = zip(*found, strict=True)
    return np.array(ids), np.array([len(some) for some in rows]), np.concatenate(rows)
