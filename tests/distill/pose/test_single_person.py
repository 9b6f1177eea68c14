"""One person from heatmaps alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.pose.grouping import GroupingConfig, group
from distill.pose.single_person import best_cells, best_peaks
from distill.pose.skeleton import COCO_17

K = len(COCO_17)
CONFIGS = [GroupingConfig(), GroupingConfig(subcell=False), GroupingConfig(subcell=False, adjust=False)]


def one_person(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints (K, 2) and their heatmaps (K, 24, 32)."""
    generator = np.random.default_rng(seed)
    points = generator.uniform((3, 3), (29, 21), (K, 2))
    across, down = (np.exp(-((np.arange(n) + 0.5 - points[:, i, None]) ** 2) / 3) for i, n in enumerate((32, 24)))
    heights = generator.uniform(0.3, 1, K)[:, None, None]
    return points, (heights * down[:, :, None] * across[:, None]).astype(np.float32)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_is_the_one_person_that_grouping_finds(seed):
    points, heatmaps = one_person(seed)
    for config in CONFIGS:
        found = best_cells(heatmaps, config)
        for values, expected in zip(
            found, group(heatmaps, np.zeros((*heatmaps.shape, 1)), COCO_17, config), strict=True
        ):
            assert values.dtype == np.float32
            np.testing.assert_allclose(values, expected, atol=1e-6)
    np.testing.assert_allclose(best_cells(heatmaps, CONFIGS[0])[0][0, :, :2], points, atol=0.01)


def test_the_higher_of_two_persons_gives_each_joint_and_the_first_of_equals_wins():
    heatmaps = np.zeros((2, 6, 9), np.float32)
    heatmaps[0, 1, 2], heatmaps[0, 4, 7] = 0.5, 0.9
    heatmaps[1, 3, 3:6] = 0.7
    persons, scores = best_cells(heatmaps, CONFIGS[2])
    np.testing.assert_allclose(persons, [[[7.5, 4.5, 0.9], [3.5, 3.5, 0.7]]])
    np.testing.assert_allclose(scores, [0.8])


def test_faint_joints_are_zero_and_count_in_the_score():
    _, heatmaps = one_person(0)
    heatmaps[3] = 0.1
    heatmaps[4] = np.nan
    heatmaps[5, 2, 2] = np.inf
    persons, scores = best_cells(heatmaps, GroupingConfig(detection_threshold=float(np.float32(0.1))))
    assert not persons[0, 3:5].any() and (np.delete(persons[0, :, 2], [3, 4]) > 0.1).all()
    assert np.isfinite(persons).all()
    np.testing.assert_allclose(scores, persons[..., 2].sum(axis=1) / K, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, np.nan])
def test_no_joint_is_no_person(value):
    config = GroupingConfig(detection_threshold=float(np.float32(0.1)))
    persons, scores = best_cells(np.full((K, 5, 7), value, np.float32), config)
    assert persons.shape == (0, K, 3) and scores.shape == (0,)


def test_peaks_give_what_their_maps_give():
    peaks = {
        "peak_values": np.array([[0.9, 0.5], [0.05, 0.0], [np.nan, 0.4]], np.float32),
        "peak_cells": np.array([[15, 3], [0, 0], [0, 29]], np.int32),
        "peak_shifts": np.array([[[0.25, -0.5], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0.5]]], np.float32),
    }
    persons, scores = best_peaks(peaks, 10, GroupingConfig())
    np.testing.assert_allclose(persons, [[[5.75, 1.0, 0.9], [0, 0, 0], [9.5, 3.0, 0.4]]], rtol=1e-6)
    np.testing.assert_allclose(scores, [1.3 / 3], rtol=1e-6)
    assert persons.dtype == scores.dtype == np.float32
    nobody = best_peaks(peaks, 10, GroupingConfig(detection_threshold=0.95))
    assert nobody[0].shape == (0, 3, 3) and nobody[1].shape == (0,)
