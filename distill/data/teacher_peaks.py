"""The teacher's peaks of a photograph: read from the store when they are asked for, or all of them before."""

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from cache.encoding import LinearEncoding
from cache.reader import LabelReader
from cache.store import SoftLabelStore
from distill.data.workers import read_batches
from distill.pose import geometry
from distill.pose.paraboloids import widths
from distill.pose.peaks import find_peaks
from distill.system.errors import InputError

PEAK_THRESHOLD = LinearEncoding.floor
"Lower peaks of a teacher's maps are noise."

_PART = 32  # images

Part = tuple[np.ndarray, np.ndarray, np.ndarray]
"Some images: ids (n,), numbers of their peaks (n,), and their peaks (M, 5) one after another."


def read_peaks(store: SoftLabelStore, image_id: int) -> np.ndarray:
    """Peaks of one image, (M, 5) float32 rows: joint, x, y in photograph pixels, confidence, width in pixels.

    A store of version 1 has none; they are then found in its maps. Raises as the store does.
    """
    return store.read_peaks(image_id) if store.has_peaks else _peaks(*store.read_heatmap(image_id))


class HeldPeaks:
    """Peaks of many images in three flat arrays, which forked processes share as long as nobody writes.

    Args:
        parts: of all images, in any order; no image twice.
    """

    def __init__(self, parts: list[Part]):
        ids, counts, rows = (np.concatenate(values) for values in zip(*parts, strict=True))
        order = np.argsort(ids)
        self.image_ids, self.rows = ids[order], rows
        self.spans = np.stack([np.cumsum(counts) - counts, np.cumsum(counts)], axis=1)[order]

    def __call__(self, image_id: int) -> np.ndarray:
        """Peaks of one image, as `read_peaks` gives them.

        Raises:
            InputError: it is not among the images.
        """
        position = int(np.searchsorted(self.image_ids, image_id))
        if position == len(self.image_ids) or self.image_ids[position] != image_id:
            raise InputError(f"the peaks of image_id {image_id} are not held")
        return self.rows[slice(*self.spans[position])]


def preload_peaks(
    store: SoftLabelStore,
    image_ids: np.ndarray,
    *,
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> HeldPeaks | None:
    """Peaks of all the images, for which each file of the store is read once, as a whole; None when stopped.

    Args:
        image_ids: (N,) images of the store.
        workers: processes that read; 0 does so in this process. Of a store of version 1 each holds the maps of up
            to three shards, one byte a cell.
        progress: called with labels read and to be read.
        stop: asked after some images each.

    Raises:
        StoreError: the store lacks an image, or a shard is missing or damaged.
    """
    held, done = [], 0
    progress(done, len(image_ids))
    for part in read_batches(_Found(store, image_ids), _part, workers, batch_size=_PART):
        if stop():
            return None
        held.append(part)
        done += len(part[0])
        progress(done, len(image_ids))
    return HeldPeaks(held)


def _peaks(heatmap: np.ndarray, to_map: np.ndarray) -> np.ndarray:
    peaks = find_peaks(heatmap, PEAK_THRESHOLD)
    to_photograph = geometry.invert(to_map)
    width = widths(heatmap, peaks) * to_photograph[0, 0]
    peaks[:, 1:3] = geometry.transform(to_photograph, peaks[:, 1:3])
    return np.column_stack([peaks, width]).astype(np.float32)


class _Found(IterableDataset):
    """Ids and peaks of images, of which each loader worker reads shards of its own, the array `peak` alone."""

    def __init__(self, store: SoftLabelStore, image_ids: np.ndarray):
        self.store, self.image_ids = store, image_ids

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        worker = get_worker_info()
        share = (worker.id, worker.num_workers) if worker else (0, 1)
        reader = LabelReader(self.store, self.image_ids, buffer=1, reader=share[0], num_readers=share[1])
        if self.store.has_peaks:
            yield from reader.peaks()
            return
        for image_id, label in reader.epoch(0):
            yield image_id, _peaks(label.heatmap, label.to_map)


def _part(found: list[tuple[int, np.ndarray]]) -> Part:
    ids, peaks = zip(*found, strict=True)
    return np.array(ids), np.array([len(rows) for rows in peaks]), np.concatenate(peaks)
