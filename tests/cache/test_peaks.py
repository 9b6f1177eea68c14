import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cache.errors import StoreError
from cache.peaks import attributes, check_attributes, pack, unpack


@given(
    width=st.integers(1, 640),
    height=st.integers(1, 640),
    shares=arrays(np.float64, st.tuples(st.integers(0, 20), st.just(5)), elements=st.floats(0, 1)),
)
def test_peaks_come_back_within_a_hundredth_of_a_pixel(width, height, shares):
    side = max(width, height)
    peaks = shares * (16, width, height, 1, side)
    peaks[:, 0] = np.rint(peaks[:, 0])
    peaks[:, 3] = np.maximum(peaks[:, 3], 0.001)
    found = unpack(pack([peaks], [side], 20)[0], side)
    assert (found.dtype, found.shape) == (np.float32, peaks.shape)
    assert np.all(np.diff(found[:, 0]) >= 0)
    order = np.lexsort((np.arange(len(peaks)), -peaks[:, 3], peaks[:, 0]))
    assert np.abs(found - peaks[order]).max(initial=0, where=np.array([True, True, True, False, True])) < 0.01
    assert np.abs(found[:, 3] - peaks[order, 3]).max(initial=0) < 0.001


def test_of_too_many_the_highest_are_kept_and_unused_rows_are_zero():
    peaks = np.array([[j, 1, 2, c, 3] for j, c in ((4, 0.5), (1, 0.2), (1, 0.9), (0, 0.1), (2, 0.3))])
    few, all_of_them = pack([peaks], [10], 3), pack([peaks], [10], 9)
    np.testing.assert_allclose(unpack(few[0], 10)[:, [0, 3]], [(1, 0.9), (2, 0.3), (4, 0.5)], atol=1e-3)
    assert len(unpack(all_of_them[0], 10)) == 5
    assert not all_of_them[0, 5:].any()


def test_faint_and_outlying_peaks_stay_peaks_inside():
    found = unpack(pack([np.array([[3, -0.2, 10.3, 1e-9, 4]])], [10], 2)[0], 10)
    np.testing.assert_allclose(found, [[3, 0, 10, 1 / 1023, 4]], rtol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(StoreError, match="not finite"):
        pack([np.full((1, 5), value)], [10], 2)


def test_another_packing_is_refused():
    check_attributes(attributes())
    with pytest.raises(StoreError, match=r"peak: .* is not known to this version"):
        check_attributes(attributes() | {"levels": [1, 1, 1, 1, 1]})
