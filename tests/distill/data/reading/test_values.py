"""Values as annotation tools write them."""

import numpy as np
import pytest

from distill.data.reading.values import number, numbers, truth, whole_number
from distill.system.errors import InputError


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3), ("3", 3), ("0042", 42), (3.0, 3), (-7, -7), (2**63 - 1, 2**63 - 1)]
)
def test_whole_numbers(value, expected):
    assert whole_number({"id": value}, "id", "owner") == expected


@pytest.mark.parametrize("value", [None, "x", "", 3.5, float("nan"), float("inf"), True, 2**63, [], {}, "3.5"])
def test_other_values_are_one_line(value):
    with pytest.raises(InputError, match=r"owner has no usable id \(.*\); give a whole number"):
        whole_number({"id": value}, "id", "owner")


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "true", " YES "])
def test_yes(value):
    assert truth(value) is True


@pytest.mark.parametrize("value", [None, 0, False, "0", "False", "no", "", "null"])
def test_no(value):
    assert truth(value) is False


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", [], {}, float("nan")])
def test_neither(value):
    assert truth(value) is None


def test_numbers_with_gaps():
    assert numbers([1, 2.5]).tolist() == [1, 2.5]
    found = numbers([1, "2.5", None, "x", [], True])
    assert found[:2].tolist() == [1, 2.5] and np.isnan(found[2:]).all()
    rows = numbers([[1, 2], ["3", None], [1], "x", None], 2)
    assert rows[:1].tolist() == [[1, 2]] and rows[1, 0] == 3 and np.isnan(rows[1, 1]) and np.isnan(rows[2:]).all()
    assert numbers([], 4).shape == (0, 4) and numbers([]).shape == (0,)


def test_a_number_that_is_too_large_is_infinite_or_none():
    assert not np.isfinite(number(10**400))
