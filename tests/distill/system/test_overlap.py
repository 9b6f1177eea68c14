"""Work in threads keeps its order, raises its errors where they belong, and ends when the caller does."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.system.overlap import Behind, ahead, mapped


@given(st.lists(st.integers()), st.integers(1, 5), st.integers(1, 4))
def test_nothing_is_lost_added_or_moved(items, depth, workers):
    assert list(ahead(items, depth)) == items
    assert list(mapped(str, items, depth, workers)) == [str(item) for item in items]
    done = []
    with Behind(done.append, depth) as later:
        for item in items:
            later(item)
    assert done == items


def failing_at(number: int, seen: list):
    for item in range(10):
        if item == number:
            raise ValueError(f"item {number}")
        seen.append(item)
        yield item


def test_an_error_comes_where_its_item_would():
    got = []
    with pytest.raises(ValueError, match="item 3"):
        got.extend(item for item in ahead(failing_at(3, []), 5) if got.append(item))
    assert got == [0, 1, 2]
    results = mapped(lambda item: 1 / item, [2, 1, 0, 4], depth=4)
    assert [next(results), next(results)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_no_more_is_fetched_than_may_wait():
    seen = []
    items = ahead(failing_at(99, seen), 3)
    assert next(items) == 0
    items.close()
    assert len(seen) <= 4


def test_a_caller_that_stops_early_leaves_no_thread():
    before = threading.active_count()
    for make in (lambda: ahead(range(100), 4), lambda: mapped(str, range(100), 4, 2)):
        items = make()
        next(items)
        items.close()
    assert threading.active_count() == before


def test_an_error_behind_the_caller_is_not_lost():
    done = []

    def act(item):
        if item == 1:
            raise OSError("no space left")
        done.append(item)

    with pytest.raises(OSError, match="no space"), Behind(act, 8) as later:
        later(0)
        later(1)
    assert done == [0]
    with pytest.raises(OSError, match="no space"), Behind(act, 1) as later:
        for item in range(1, 5):
            later(item)
