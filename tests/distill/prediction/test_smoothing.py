"""Smoothing takes away trembling and leaves movement, at any frame rate and size of a person."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.prediction.smoothing import METHODS, acceleration_error, smoothed, without_outliers

REAL = ("one_euro", "lowess", "savitzky_golay")
K = 4


def track(times, noise=0.0, scale=1.0, seed=0):
    """(T, K, 3) of joints that swing by a third of the person's size within two seconds."""
    rng = np.random.default_rng(seed)
    corners = np.array([[0, 0], [100, 0], [0, 100], [100, 100]]) * scale
    swing = 33 * scale * np.sin(np.pi * times)[:, None, None] * np.array([1, 0.5])
    places = corners + swing + rng.normal(0, noise * scale, (len(times), K, 2))
    return np.concatenate([places, np.full((len(times), K, 1), 0.9)], axis=-1).astype(np.float32)


@pytest.mark.parametrize("method", REAL)
@pytest.mark.parametrize("rate", [15, 30, 60])
def test_trembling_goes_and_movement_stays(method, rate):
    times = np.arange(0, 4, 1 / rate)
    truth, seen = track(times), track(times, noise=2.0)
    after = smoothed(method, seen, times)
    assert acceleration_error(after, truth, times) < 0.65 * acceleration_error(seen, truth, times)
    apart = [np.linalg.norm(each[..., :2] - truth[..., :2], axis=-1).mean() for each in (seen, after)]
    assert apart[1] < 1.3 * apart[0]
    np.testing.assert_array_equal(after[..., 2], seen[..., 2])


@pytest.mark.parametrize("method", METHODS)
@given(st.floats(0.1, 20))
@settings(max_examples=10, deadline=None)
def test_a_larger_person_is_smoothed_alike(method, scale):
    times = np.sort(np.random.default_rng(1).uniform(0, 2, 40))
    one = smoothed(method, track(times, 2.0), times)
    other = smoothed(method, track(times, 2.0, scale), times)
    np.testing.assert_allclose(other[..., :2], one[..., :2] * scale, atol=0.02 * scale)


@pytest.mark.parametrize(("method", "degree"), [("lowess", 1), ("savitzky_golay", 2)])
def test_what_its_polynomial_can_say_stays_exactly(method, degree):
    times = np.sort(np.random.default_rng(2).uniform(0, 3, 60))
    seen = track(times)
    seen[..., :2] = (5 + 30 * times + (20 * times**2 if degree == 2 else 0))[:, None, None]
    np.testing.assert_allclose(smoothed(method, seen, times), seen, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_missing_joints_stay_missing_and_say_nothing(method):
    times = np.arange(0, 2, 0.05)
    seen = track(times, 1.0)
    seen[10:15, 1] = 0
    after = smoothed(method, seen, times)
    assert not after[10:15, 1].any() and np.abs(after[20, 1, :2] - seen[20, 1, :2]).max() < 20
    other = seen.copy()
    other[10:15, 1, :2] = 1e6
    np.testing.assert_allclose(smoothed(method, other, times)[16:, 1], after[16:, 1], atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_one_frame_and_a_still_person(method):
    one = track(np.array([0.0]))
    np.testing.assert_allclose(smoothed(method, one, np.array([0.0])), one, rtol=1e-5)
    still = np.repeat(one, 20, axis=0)
    np.testing.assert_allclose(smoothed(method, still, np.arange(20) / 10), still, rtol=1e-4, atol=1e-3)


def test_an_outlier_stands_between_its_neighbours():
    times = np.arange(0, 2, 0.05)
    seen = track(times)
    seen[17, 2, :2] += 60
    cleaned = without_outliers(seen)
    np.testing.assert_allclose(cleaned[17, 2, :2], track(times)[17, 2, :2], atol=1.5)
    kept = np.ones(len(times), bool)
    kept[17] = False
    assert np.abs(cleaned[kept, 2] - seen[kept, 2]).max() < 1.5
    np.testing.assert_array_equal(without_outliers(seen[:2]), seen[:2])
