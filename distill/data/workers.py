"""What loader workers read, and what they could not read told as one process would tell it."""

import multiprocessing
from collections.abc import Callable, Iterator

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from cache.errors import StoreError
from distill.system.errors import InputError, WorkerError, describe, full_trace
from distill.system.processes import end_children
from distill.system.signals import leave_stopping_to_the_parent

READING_ERRORS = (InputError, StoreError, OSError, WorkerError)


class _Items(Dataset):
    """Items of a dataset by key, errors of reading among them."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __getitem__(self, key):
        try:
            return self.dataset[key]
        except Exception as error:
            return _sendable(error)


class _Stream(IterableDataset):
    """Items of a dataset in its order, and the error of reading that ended it."""

    def __init__(self, dataset: IterableDataset):
        self.dataset = dataset

    def __iter__(self) -> Iterator:
        try:
            yield from self.dataset
        except Exception as error:
            yield _sendable(error)


class _Collate:
    """Collated items, or the first error among them."""

    def __init__(self, collate: Callable[[list], object]):
        self.collate = collate

    def __call__(self, items: list):
        try:
            return next((item for item in items if isinstance(item, READING_ERRORS)), None) or self.collate(items)
        except Exception as error:
            return _sendable(error)


def _sendable(error: Exception) -> Exception:
    """An error of reading as it is, an unexpected one of a worker with its place and trace; in this process raised."""
    if isinstance(error, READING_ERRORS):
        return error
    if get_worker_info() is None:
        raise error
    return WorkerError(describe(error), full_trace(error))


def read_batches(dataset: Dataset, collate: Callable[[list], object], workers: int, **options) -> Iterator:
    """Batches of a dataset, read by forked loader workers ahead of their use; none is left at the end.

    Args:
        collate: function from a list of items to a batch.
        workers: processes; 0 reads in this one.
        options: of torch's `DataLoader`.

    Raises:
        InputError, StoreError, OSError: what reading an item raised, without a trace of the worker.
        WorkerError: reading an item raised anything else in a worker.
    """
    # OpenCV's thread pool does not survive the fork: a worker that used it would hang.
    cv2.setNumThreads(0)
    loader = DataLoader(
        _Stream(dataset) if isinstance(dataset, IterableDataset) else _Items(dataset),
        collate_fn=_Collate(collate),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        worker_init_fn=leave_stopping_to_the_parent,
        pin_memory=torch.cuda.is_available(),
        **options,
    )
    before = set(multiprocessing.active_children())
    batches = iter(loader)
    processes = set(multiprocessing.active_children()) - before
    try:
        for batch in batches:
            if isinstance(batch, READING_ERRORS):
                raise batch
            yield batch
    finally:
        # Lets them end by themselves; an error's trace may hold on to the iterator, and a reader may be stuck.
        del batches
        end_children(processes)
