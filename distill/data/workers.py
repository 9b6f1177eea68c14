"""What loader workers read, and what they could not read told as one process would tell it."""

from collections.abc import Callable, Iterator

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from cache.errors import StoreError
from distill.system.errors import InputError
from distill.system.signals import leave_stopping_to_the_parent

READING_ERRORS = (InputError, StoreError, OSError)


class _Items(Dataset):
    """Items of a dataset by key, errors of reading among them."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __getitem__(self, key):
        try:
            return self.dataset[key]
        except READING_ERRORS as error:
            return error


class _Stream(IterableDataset):
    """Items of a dataset in its order, and the error of reading that ended it."""

    def __init__(self, dataset: IterableDataset):
        self.dataset = dataset

    def __iter__(self) -> Iterator:
        try:
            yield from self.dataset
        except READING_ERRORS as error:
            yield error


class _Collate:
    """Collated items, or the first error among them."""

    def __init__(self, collate: Callable[[list], object]):
        self.collate = collate

    def __call__(self, items: list):
        return next((item for item in items if isinstance(item, READING_ERRORS)), None) or self.collate(items)


def read_batches(dataset: Dataset, collate: Callable[[list], object], workers: int, **options) -> Iterator:
    """Batches of a dataset, read by forked loader workers ahead of their use.

    Args:
        collate: function from a list of items to a batch.
        workers: processes; 0 reads in this one.
        options: of torch's `DataLoader`.

    Raises:
        InputError, StoreError, OSError: what reading an item raised, without a trace of the worker.
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
    for batch in loader:
        if isinstance(batch, READING_ERRORS):
            raise batch
        yield batch
