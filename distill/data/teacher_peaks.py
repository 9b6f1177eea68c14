"""The teacher's peaks of a photograph: read from the store when they are asked for, or all of them before."""

from collections.abc import Callable

import numpy as np

from cache.encoding import LinearEncoding
from cache.reader import LabelReader
from cache.store import SoftLabelStore
from distill.data.held_rows import HeldRows, Rows, preload_rows
from distill.pose import geometry
from distill.pose.paraboloids import widths
from distill.pose.peaks import find_peaks

PEAK_THRESHOLD = LinearEncoding.floor
"Lower peaks of a teacher's maps are noise."


def read_peaks(store: SoftLabelStore, image_id: int) -> np.ndarray:
    """Peaks of one image, (M, 5) float32 rows: joint, x, y in photograph pixels, confidence, width in pixels.

    A store of version 1 has none; they are then found in its maps. Raises as the store does.
    """
    return store.read_peaks(image_id) if store.has_peaks else _peaks(*store.read_heatmap(image_id))


def preload_peaks(
    store: SoftLabelStore,
    image_ids: np.ndarray,
    *,
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> HeldRows | None:
    """Peaks of all the images, as `read_peaks` gives them; see `distill.data.held_rows.preload_rows`.

    Of a store of version 1 each worker holds the maps of up to three shards, one byte a cell.
    """
    return preload_rows(_found, "peaks", store, image_ids, workers=workers, progress=progress, stop=stop)


def _found(reader: LabelReader) -> Rows:
    if reader.store.has_peaks:
        yield from reader.peaks()
        return
    for image_id, label in reader.epoch(0):
        yield image_id, _peaks(label.heatmap, label.to_map)


def _peaks(heatmap: np.ndarray, to_map: np.ndarray) -> np.ndarray:
    peaks = find_peaks(heatmap, PEAK_THRESHOLD)
    to_photograph = geometry.invert(to_map)
    width = widths(heatmap, peaks) * to_photograph[0, 0]
    peaks[:, 1:3] = geometry.transform(to_photograph, peaks[:, 1:3])
    return np.column_stack([peaks, width]).astype(np.float32)
