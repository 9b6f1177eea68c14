"""What loader workers cannot read is told in one line, as one process would tell it."""

import multiprocessing
import os
import signal
import time

import pytest
from torch.utils.data import Dataset, IterableDataset

from cache.errors import StoreError
from distill.commands.cli import EXIT_FAILED, run
from distill.data.workers import read_batches
from distill.system.errors import WorkerError

KEYS = {"batch_sampler": [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]}


class Numbers(Dataset):
    """0 to 9, of which some cannot be read."""

    def __init__(self, lacking=frozenset(), deadly=frozenset(), broken=frozenset(), stuck=frozenset()):
        self.lacking, self.deadly, self.broken, self.stuck = lacking, deadly, broken, stuck

    def __getitem__(self, key):
        if key in self.lacking:
            raise StoreError(f"number {key} is damaged")
        if key in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if key in self.broken:
            return {}[key]
        if key in self.stuck:
            time.sleep(1000)
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


def test_an_unexpected_error_of_a_worker_is_one_line_with_its_place(capfd, monkeypatch):
    def read():
        return list(read_batches(Numbers(broken={6}), tuple, 2, **KEYS))

    assert run("distill-train", read) == EXIT_FAILED
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("distill-train: unexpected KeyError: 6 in test_workers.py:")
    monkeypatch.setenv("DISTILL_TRACEBACK", "1")
    assert run("distill-train", read) == EXIT_FAILED
    error = capfd.readouterr().err
    assert error.startswith("Traceback (most recent call last)")
    assert error.splitlines()[-1] == line


def test_an_unexpected_error_in_this_process_is_itself():
    with pytest.raises(KeyError):
        list(read_batches(Numbers(broken={6}), tuple, 0, **KEYS))


def test_an_unexpected_error_of_collation_is_told_too():
    with pytest.raises(WorkerError, match=r"^ZeroDivisionError: division by zero in test_workers\.py:"):
        list(read_batches(Numbers(), lambda items: 1 / 0, 1, **KEYS))


@pytest.mark.parametrize("stuck", [frozenset(), {4}])
def test_no_worker_is_left_when_the_consumer_fails(stuck):
    """Also where a worker hangs."""
    with pytest.raises(ValueError, match="the consumer fails"):
        for _ in read_batches(Numbers(stuck=stuck), tuple, 2, **KEYS):
            assert len(multiprocessing.active_children()) == 2
            raise ValueError("the consumer fails")
    assert multiprocessing.active_children() == []


def test_a_command_leaves_no_worker_behind_even_where_the_batches_are_kept(capfd):
    kept = []

    def main():
        kept.append(read_batches(Numbers(), tuple, 2, **KEYS))
        next(kept[0])
        raise ValueError("the command fails")

    assert run("tool", main) == EXIT_FAILED
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().err.startswith("tool: unexpected ValueError: the command fails in test_workers.py:")
