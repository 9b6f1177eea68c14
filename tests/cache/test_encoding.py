import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cache.encoding import LinearEncoding, from_attributes
from cache.errors import StoreError

HALF_STEP = 1 / 510
floors = st.floats(0, 0.5)
unit = st.floats(0, 1, width=32)


@given(arrays(np.float32, array_shapes(max_dims=4), elements=unit), floors)
def test_error_is_bounded(values, floor):
    encoding = LinearEncoding(floor)
    codes = encoding.encode(values)
    decoded = encoding.decode(codes)
    assert codes.dtype == np.uint8
    assert decoded.dtype == np.float32
    assert decoded.shape == values.shape
    kept = values >= np.float32(floor)
    assert np.all(np.abs(decoded - values)[kept] <= HALF_STEP + 1e-6)
    assert np.all(codes[~kept] == 0)


@given(st.lists(unit, min_size=2), floors)
def test_order_is_kept(values, floor):
    encoding = LinearEncoding(floor)
    codes = encoding.encode(np.sort(np.array(values, np.float32)))
    assert np.all(np.diff(codes.astype(int)) >= 0)
    assert np.all(np.diff(encoding.decode(codes)) >= 0)


@given(floors)
def test_ends_are_exact_and_beyond_is_clamped(floor):
    encoding = LinearEncoding(floor)
    decoded = encoding.decode(encoding.encode(np.array([-3, 0, 1, 7], np.float32)))
    assert decoded.tolist() == [0, 0, 1, 1]


def test_every_code_survives_decode_and_encode():
    codes = np.arange(256, dtype=np.uint8)
    encoding = LinearEncoding(floor=0)
    np.testing.assert_array_equal(encoding.encode(encoding.decode(codes)), codes)


def test_long_and_strided_input():
    values = np.random.default_rng(0).random((3, 300, 301), np.float32)[:, ::-1, ::2]
    encoding = LinearEncoding()
    expected = np.where(values < np.float32(0.02), 0, np.floor(values * np.float32(255) + np.float32(0.5)))
    np.testing.assert_array_equal(encoding.encode(values), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    values = np.zeros((2, 400, 400), np.float32)
    values[1, 399, 399] = value
    with pytest.raises(StoreError, match="not finite"):
        LinearEncoding().encode(values)


@given(floors)
def test_attributes_round_trip(floor):
    encoding = LinearEncoding(floor)
    assert from_attributes(encoding.attributes()) == encoding


def test_unknown_attributes_are_refused():
    with pytest.raises(StoreError, match="companded"):
        from_attributes({"kind": "companded", "levels": 255, "floor": 0.02})


@pytest.mark.parametrize("floor", [-0.1, 1, float("nan")])
def test_floor_out_of_range_is_refused(floor):
    with pytest.raises(StoreError, match="floor"):
        LinearEncoding(floor)
