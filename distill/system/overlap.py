"""Work done in threads while the caller goes on: reading ahead of it, and writing behind it, in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Self, TypeVar

_END = object()
T, R = TypeVar("T"), TypeVar("R")


def ahead(items: Iterable[T], depth: int = 8) -> Iterator[T]:
    """The same items in the same order, fetched by a thread of their own; an error comes where its item would.

    Args:
        depth: most items that wait.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, iterator, _END) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(pool.submit(next, iterator, _END))
                yield item
        finally:
            _cancel(waiting)


def mapped(function: Callable[[T], R], items: Iterable[T], depth: int, workers: int | None = None) -> Iterator[R]:
    """What a function makes of each item, in the items' order, worked out ahead by several threads.

    Args:
        depth: most results that wait.
        workers: threads; by default one a core, at most 8.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(workers or min(os.cpu_count() or 1, 8)) as pool:
        waiting = deque(pool.submit(function, item) for item in islice(iterator, depth))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(iterator, 1))
                yield result
        finally:
            _cancel(waiting)


class Behind:
    """Calls of a function, done one after the other by a thread behind the caller; leave its context to wait for all.

    An error of a call is raised by a later call, or when the context is left.

    Args:
        depth: most calls that wait.
    """

    def __init__(self, function: Callable[..., Any], depth: int = 8):
        self._function, self._depth = function, depth
        self._pool, self._waiting = ThreadPoolExecutor(1), deque()

    def __call__(self, *arguments: Any) -> None:
        if len(self._waiting) >= self._depth:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._function, *arguments))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            while self._waiting:
                self._waiting.popleft().result()
        finally:
            _cancel(self._waiting)
            self._pool.shutdown()


def _cancel(waiting: Iterable[Future]) -> None:
    for future in waiting:
        future.cancel()
