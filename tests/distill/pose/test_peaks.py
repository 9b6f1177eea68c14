"""Peaks are found where Gaussians were drawn, between the cells."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.heads.rendering import render
from distill.pose.peaks import find_peaks

coordinate = st.floats(6, 26)


@settings(max_examples=50)
@given(coordinate, coordinate, st.floats(0.2, 1), st.floats(0.8, 2.5))
def test_peak_of_a_gaussian(x, y, height, sigma):
    heatmap = render(torch.tensor([[x, y, height]]), torch.tensor([0]), (1, 1, 32, 32), sigma)[0].numpy()
    peaks = find_peaks(heatmap, 0.02)
    assert len(peaks) == 1
    np.testing.assert_allclose(peaks[0], (0, x, y, height), atol=2e-3)


def test_bytes_keep_the_peak_within_a_twentieth_of_a_cell():
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(6, 58, 200), rng.uniform(6, 58, 200), rng.uniform(0.1, 1, 200)], 1)
    maps = render(torch.tensor(points, dtype=torch.float32), torch.arange(200), (1, 200, 64, 64), 2.0)[0].numpy()
    peaks = find_peaks(np.round(maps * 255).astype(np.uint8).astype(np.float32) / 255, 0.02)
    highest = peaks[[np.flatnonzero(peaks[:, 0] == k)[peaks[peaks[:, 0] == k, 3].argmax()] for k in range(200)]]
    assert np.percentile(np.abs(highest[:, 1:3] - points[:, :2]), 95) < 0.05
    assert np.abs(highest[:, 3] - points[:, 2]).max() < 0.01


def test_a_plateau_is_one_peak_and_noise_is_none():
    heatmaps = np.zeros((2, 8, 8), dtype=np.float32)
    heatmaps[0, 3:5, 3:5] = 0.5
    heatmaps[1, 2, 2] = 0.02
    peaks = find_peaks(heatmaps, 0.02)
    assert len(peaks) == 1
    np.testing.assert_allclose(peaks[0, 1:3], (4, 4), atol=0.51)


def test_of_two_equal_neighbours_the_first_is_the_peak():
    heatmaps = np.zeros((3, 6, 6), dtype=np.float32)
    heatmaps[0, 2, 2:4] = heatmaps[1, 2:4, 2] = 0.5
    heatmaps[2, 2, 3] = heatmaps[2, 3, 2] = 0.5
    np.testing.assert_allclose(find_peaks(heatmaps, 0.02)[:, 1:3], [(3, 2.5), (2.5, 3), (3.5, 2.5)], atol=1e-3)


def test_no_peaks_keep_their_shape():
    assert find_peaks(np.zeros((17, 4, 4), dtype=np.float32), 0.02).shape == (0, 4)
