"""The teacher's peaks of a photograph: read from the store when they are asked for, or all of them before."""

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from cache.reader import LabelReader
from cache.store import SoftLabelStore
from distill.data.workers import read_batches
from distill.pose import geometry
from distill.pose.peaks import find_peaks
from distill.system.errors import InputError

PEAK_THRESHOLD = 0.02
"Lower peaks of a teacher's maps are noise."

_PART = 32  # images

Part = tuple[np.ndarray, np.ndarray, np.ndarray]
"Some images: ids (n,), numbers of their peaks (n,), and their peaks (M, 4) one after another."


def read_peaks(store: SoftLabelStore, image_id: int) -> np.ndarray:
    """Peaks of one image, (M, 4) float32 rows: joint, x, y, height, in photograph pixels; raises as the store does."""
    return _peaks(*store.read_heatmap(image_id))


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
        workers: processes that read and find peaks, each with the maps of up to three shards in memory, one byte
            a cell; 0 does so in this process.
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
    peaks[:, 1:3] = geometry.transform(geometry.invert(to_map), peaks[:, 1:3])
    return peaks


class _Found(IterableDataset):
    """Ids and peaks of images, of which each loader worker reads shards of its own."""

    def __init__(self, store: SoftLabelStore, image_ids: np.ndarray):
        self.store, self.image_ids = store, image_ids

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        worker = get_worker_info()
        share = {"reader": worker.id, "num_readers": worker.num_workers} if worker else {}
        for image_id, label in LabelReader(self.store, self.image_ids, buffer=1, **share).epoch(0):
            yield image_id, _peaks(label.heatmap, label.to_map)


def _part(found: list[tuple[int, np.ndarray]]) -> Part:
    ids, peaks = zip(*found, strict=True)
    return np.array(ids), np.array([len(rows) for rows in peaks]), np.concatenate(peaks)
