"""Sizes of inputs: a side, or width and height."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.system.errors import InputError
from distill.system.sizes import size_of


@given(st.integers(1, 64), st.integers(1, 64))
def test_width_comes_before_height(width, height):
    assert size_of([32 * width, 32 * height], "input_size", multiple=32) == (32 * width, 32 * height)
    assert size_of(32 * width, "input_size", multiple=32) == (32 * width, 32 * width)


@pytest.mark.parametrize(
    ("wrong", "multiple", "message"),
    [
        (100, 32, "input_size must be one side or width and height, positive multiples of 32, not 100"),
        ((96, 100), 32, r"positive multiples of 32, not \(96, 100\)"),
        (0, 1, "input_size must be one side or width and height, positive, not 0"),
        (-32, 32, "positive multiples of 32"),
        ((64,), 32, "positive multiples of 32"),
        ((64, 64, 3), 32, "positive multiples of 32"),
        ((64.0, 64), 32, "positive multiples of 32"),
    ],
)
def test_wrong_sizes_are_refused(wrong, multiple, message):
    with pytest.raises(InputError, match=message):
        size_of(wrong, "input_size", multiple)
