"""The teacher's peaks of a photograph: read from the store when they are asked for, or all of them before."""

import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import numpy as np

from cache.reader import LabelReader
from cache.store import SoftLabelStore
from distill import geometry
from distill.errors import InputError
from distill.peaks import find_peaks
from distill.signals import leave_stopping_to_the_parent

PEAK_THRESHOLD = 0.02
"Lower peaks of a teacher's maps are noise."

_PART = 32  # images
_PATIENCE = 0.5  # seconds
_GRACE = 2.0  # seconds

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
        stop: asked after some images each and twice a second.

    Raises:
        StoreError: the store lacks an image, or a shard is missing or damaged.
        InputError: a process died.
    """
    parts = _parts_of_workers(store, image_ids, workers) if workers else _parts(LabelReader(store, image_ids, buffer=1))
    held, done = [], 0
    progress(done, len(image_ids))
    with closing(parts):
        for part in parts:
            if stop():
                return None
            if part:
                held.append(part)
                done += len(part[0])
                progress(done, len(image_ids))
    return HeldPeaks(held)


def _peaks(heatmap: np.ndarray, to_map: np.ndarray) -> np.ndarray:
    peaks = find_peaks(heatmap, PEAK_THRESHOLD)
    peaks[:, 1:3] = geometry.transform(geometry.invert(to_map), peaks[:, 1:3])
    return peaks


def _parts(reader: LabelReader) -> Iterator[Part]:
    """Everything of a reader."""
    found = ((image_id, _peaks(label.heatmap, label.to_map)) for image_id, label in reader.epoch(0))
    while some := list(islice(found, _PART)):
        ids, peaks = zip(*some, strict=True)
        yield np.array(ids), np.array([len(rows) for rows in peaks]), np.concatenate(peaks)


def _parts_of_workers(store: SoftLabelStore, image_ids: np.ndarray, workers: int) -> Iterator[Part | None]:
    """Parts from any process, and None where none came for a while, so that the caller may stop."""
    with _processes(store, image_ids, workers) as running:
        while running:
            ready = wait(running, _PATIENCE)
            if not ready:
                yield None
            for end in ready:
                part = _receive(end, running[end])
                if part is None:
                    del running[end]
                else:
                    yield part


def _receive(end: Connection, process: BaseProcess) -> Part | None:
    try:
        message = end.recv()
    except (EOFError, OSError):
        process.join(_GRACE)
        raise InputError(
            f"a process that reads soft labels ended early, with exit code {process.exitcode}; "
            "where memory is short, lower data.workers"
        ) from None
    if isinstance(message, Exception):
        raise message
    return message


@contextmanager
def _processes(store: SoftLabelStore, image_ids: np.ndarray, workers: int) -> Iterator[dict[Connection, BaseProcess]]:
    """Processes that share the store's files, by the ends of the pipes through which they answer."""
    context = multiprocessing.get_context("fork")
    processes: dict[Connection, BaseProcess] = {}
    try:
        for reader in range(workers):
            end, childs_end = context.Pipe(duplex=False)
            arguments = store, image_ids, reader, workers, childs_end, [*processes, end]
            process = context.Process(target=_send, args=arguments, daemon=True)
            process.start()
            processes[end] = process
            childs_end.close()
        yield dict(processes)
    finally:
        for end in processes:
            end.close()
        # Without anyone to listen they end by themselves, unless the storage does not answer.
        deadline = time.monotonic() + _GRACE
        for process in processes.values():
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join()


def _send(
    store: SoftLabelStore,
    image_ids: np.ndarray,
    reader: int,
    num_readers: int,
    end: Connection,
    parents_ends: list[Connection],
):
    """What a process does, until it is done or the parent is gone."""
    leave_stopping_to_the_parent()
    for other in parents_ends:
        other.close()
    with suppress(BrokenPipeError):
        for answer in _answers(store, image_ids, reader, num_readers):
            end.send(answer)


def _answers(
    store: SoftLabelStore, image_ids: np.ndarray, reader: int, num_readers: int
) -> Iterator[Part | Exception | None]:
    """A process's share of the parts, and then None, or the error that ended it."""
    try:
        yield from _parts(LabelReader(store, image_ids, buffer=1, reader=reader, num_readers=num_readers))
        yield None
    except Exception as error:
        error.add_note(traceback.format_exc())
        yield error
