"""What loader workers cannot read is told in one line, as one process would tell it."""

import os
import signal

import pytest
from torch.utils.data import Dataset, IterableDataset

from cache.errors import StoreError
from distill.commands.cli import EXIT_FAILED, run
from distill.data.workers import read_batches

KEYS = {"batch_sampler": [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]}


class Numbers(Dataset):
    """0 to 9, of which some cannot be read."""

    def __init__(self, lacking=frozenset(), deadly=frozenset()):
        self.lacking, self.deadly = lacking, deadly

    def __getitem__(self, key):
        if key in self.lacking:
            raise StoreError(f"number {key} is damaged")
        if key in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return key


class Stream(IterableDataset):
    """0 to 9 of one worker, in order, until one cannot be read."""

    def __init__(self, lacking=frozenset()):
        self.numbers = Numbers(lacking)

    def __iter__(self):
        for number in range(10):
            yield self.numbers[number]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_come_in_order(workers):
    assert list(read_batches(Numbers(), tuple, workers, **KEYS)) == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]


@pytest.mark.parametrize(("dataset", "options"), [(Numbers, KEYS), (Stream, {"batch_size": 4})])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_reading_is_what_the_reader_said(dataset, options, workers):
    batches = read_batches(dataset({6}), tuple, workers, **options)
    assert next(batches) == (0, 1, 2, 3)
    with pytest.raises(StoreError, match=r"^number 6 is damaged$"):
        next(batches)


def test_a_killed_worker_is_one_line_and_an_exit_code(capfd):
    code = run("distill-train", lambda: list(read_batches(Numbers(deadly={6}), tuple, 2, **KEYS)))
    assert code == EXIT_FAILED
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("distill-train: DataLoader worker")
    assert line.endswith("where memory is short, lower data.workers")
