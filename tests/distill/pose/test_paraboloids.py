import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.pose.paraboloids import measure_peaks, widths
from distill.pose.peaks import find_peaks


def gaussian(place, sigma, to_map, size=(24, 20)):
    """Map (1, h, w) of a Gaussian at a photograph's place, sigma in cells."""
    x, y = to_map[:, :2] @ place + to_map[:, 2]
    across = np.exp(-((np.arange(size[0]) + 0.5 - x) ** 2) / (2 * sigma**2))
    down = np.exp(-((np.arange(size[1]) + 0.5 - y) ** 2) / (2 * sigma**2))
    return torch.from_numpy(down[None, :, None] * across)


def scaled(scale, x, y):
    return np.array([[scale, 0, x], [0, scale, y]])


@given(
    x=st.floats(0, 48),
    y=st.floats(0, 40),
    heights=st.tuples(st.floats(0.2, 1), st.floats(0.2, 1)),
    sigma=st.floats(1.5, 3),
    off=st.floats(-0.9, 0.9),
)
def test_gaussians_at_several_resolutions_are_one_peak_of_their_mean_height(x, y, heights, sigma, off):
    """Between the cells, at the border too, and though the place was known only roughly."""
    matrices = scaled(0.5, 0.3, -0.2), scaled(0.25, 0, 6.5)
    views = [(h * gaussian((x, y), sigma, m), m) for h, m in zip(heights, matrices, strict=True)]
    peaks = measure_peaks(np.array([0]), np.array([(x + off, y - off)]), views)
    np.testing.assert_allclose(peaks[0, :3], (0, x, y), atol=1e-3)
    assert peaks[0, 3] == pytest.approx(np.mean(heights), rel=1e-4)
    bends = np.array([0.5, 0.25]) ** 2 / sigma**2
    assert peaks[0, 4] == pytest.approx(1 / np.sqrt(np.average(bends, weights=heights)), rel=0.02)


@given(sigma=st.floats(0.8, 6), x=st.floats(8, 15), y=st.floats(8, 12))
def test_width_of_one_map_is_the_gaussians(sigma, x, y):
    heatmap = gaussian((x, y), sigma, np.eye(2, 3)).numpy().astype(np.float32)
    peaks = find_peaks(heatmap, 0.02)
    assert widths(heatmap, peaks)[0] == pytest.approx(sigma, rel=0.05)


def test_a_plateau_has_the_greatest_width_and_stays_where_it_is():
    heatmap = np.full((1, 8, 8), 0.5, dtype=np.float32)
    assert widths(heatmap, np.array([[0, 4.0, 4.0, 0.5]])) == pytest.approx([10])
    peaks = measure_peaks(np.array([0]), np.array([(4.0, 4.0)]), [(torch.from_numpy(heatmap), np.eye(2, 3))])
    np.testing.assert_allclose(peaks, [(0, 4, 4, 0.5, 10)], rtol=1e-5)


def test_no_peaks_keep_their_shape():
    views = [(torch.zeros(3, 8, 8), np.eye(2, 3))]
    assert measure_peaks(np.zeros(0, int), np.zeros((0, 2)), views).shape == (0, 5)
