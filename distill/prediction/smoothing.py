"""Joints of one person over time, smoothed: in seconds and in parts of the person's size, whatever the frame rate.

Times need not be even. A joint that was not found in a frame, with score 0, stays so and says nothing of the others.
"""

from collections.abc import Callable

import numpy as np

SPAN = {"lowess": 0.3, "savitzky_golay": 0.3}
"Seconds on either side of a moment that are looked at."
LEAST_CUTOFF, CUTOFF_GAIN = 1.5, 4.0
"Of the one euro filter: Hz at rest, and Hz more for each person's size a second."
_SPEED_CUTOFF = 1.0
"Hz at which the speed itself is smoothed."
_GAP = 1.0
"Seconds without a joint after which its filter starts anew."


class OneEuro:
    """Casiez et al., CHI 2012: the faster a joint moves the less it is smoothed; needs no frames to come.

    Called with one frame after the other, (K, 3) x, y, score in pixels.
    """

    def __init__(self):
        self._place = self._speed = self._seen = None

    def __call__(self, keypoints: np.ndarray, time: float, size: float) -> np.ndarray:
        """The frame smoothed.

        Args:
            time: seconds, ascending.
            size: of the person, pixels.
        """
        found, points = keypoints[:, 2] > 0, keypoints[:, :2].astype(np.float64) / size
        if self._place is None:
            self._place, self._speed = points.copy(), np.zeros_like(points)
            self._seen = np.where(found, time, -np.inf)
            return keypoints.copy()
        step = time - self._seen
        anew = found & (step > _GAP)
        self._place[anew], self._speed[anew] = points[anew], 0
        known = found & ~anew & (step > 0)
        step = np.where(known, step, 1.0)[:, None]
        speed = (points - self._place) / step
        speed = self._speed + _share(_SPEED_CUTOFF, step) * (speed - self._speed)
        cutoff = LEAST_CUTOFF + CUTOFF_GAIN * np.linalg.norm(speed, axis=1, keepdims=True)
        place = self._place + _share(cutoff, step) * (points - self._place)
        self._place[known], self._speed[known] = place[known], speed[known]
        self._seen = np.where(found, time, self._seen)
        smoothed = keypoints.copy()
        smoothed[found, :2] = self._place[found] * size
        return smoothed


def smoothed(method: str, keypoints: np.ndarray, times: np.ndarray) -> np.ndarray:
    """A whole track (T, K, 3) smoothed by one_euro, lowess, savitzky_golay or none.

    Args:
        times: (T,) seconds, ascending.
    """
    return METHODS[method](np.asarray(keypoints, np.float32), np.asarray(times, np.float64))


def without_outliers(keypoints: np.ndarray, deviations: float = 1.0) -> np.ndarray:
    """A track (T, K, 3) whose joints that lie far from both neighbours in time stand between them.

    Args:
        deviations: standard deviations of a joint's distance from the middle of its neighbours, above the mean of that
            distance, from which it is an outlier.
    """
    cleaned = np.array(keypoints, np.float32)
    if len(cleaned) < 3:
        return cleaned
    found = (keypoints[:, :, 2] > 0).copy()
    inner = found[1:-1] & found[:-2] & found[2:]
    middle = (keypoints[:-2, :, :2] + keypoints[2:, :, :2]) / 2
    apart = np.where(inner, np.linalg.norm(keypoints[1:-1, :, :2] - middle, axis=-1), np.nan)
    for joint in range(keypoints.shape[1]):
        distances = apart[:, joint]
        if np.isfinite(distances).sum() < 3:
            continue
        limit = np.nanmean(distances) + deviations * np.nanstd(distances)
        # The neighbours of an outlier lie apart from their middle too; only the farthest of a run is one.
        padded = np.pad(np.nan_to_num(distances), 1)
        is_worst = (padded[1:-1] >= padded[:-2]) & (padded[1:-1] >= padded[2:])
        wrong = np.flatnonzero((np.nan_to_num(distances) > limit) & is_worst)
        cleaned[wrong + 1, joint, :2] = middle[wrong, joint]
    return cleaned


def size_of(keypoints: np.ndarray) -> float:
    """Median over time of the longer side of the box around a person's joints (T, K, 3), pixels, at least 1."""
    found = keypoints[..., 2:] > 0
    low = np.where(found, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(found, keypoints[..., :2], -np.inf).max(axis=1)
    sides = (high - low).max(axis=-1)
    return max(float(np.median(sides[np.isfinite(sides)])), 1.0) if np.isfinite(sides).any() else 1.0


def acceleration_error(keypoints: np.ndarray, truth: np.ndarray, times: np.ndarray) -> float:
    """Mean distance of the accelerations of two tracks (T, K, 3), pixels a second squared, where both are there."""
    there = (keypoints[..., 2] > 0) & (truth[..., 2] > 0)
    there = there[:-2] & there[1:-1] & there[2:]
    apart = np.linalg.norm(_acceleration(keypoints, times) - _acceleration(truth, times), axis=-1)
    return float(apart[there].mean()) if there.any() else float("nan")


def _acceleration(keypoints: np.ndarray, times: np.ndarray) -> np.ndarray:
    points, steps = keypoints[..., :2].astype(np.float64), np.diff(times)[:, None, None]
    speeds = np.diff(points, axis=0) / steps
    return 2 * np.diff(speeds, axis=0) / (steps[:-1] + steps[1:])


def _share(cutoff: np.ndarray | float, step: np.ndarray) -> np.ndarray:
    """How much of what is new counts, by a first-order low pass."""
    turn = 2 * np.pi * cutoff * step
    return turn / (turn + 1)


def _by_one_euro(keypoints: np.ndarray, times: np.ndarray) -> np.ndarray:
    one_euro, size = OneEuro(), size_of(keypoints)
    return np.stack([one_euro(frame, time, size) for frame, time in zip(keypoints, times.tolist(), strict=True)])


def _by_polynomials(degree: int, is_tapered: bool, span: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A polynomial in time fitted around each moment, each frame as heavy as it is near and its joint sure."""

    def smooth(keypoints: np.ndarray, times: np.ndarray) -> np.ndarray:
        result = keypoints.copy()
        for row, time in enumerate(times.tolist()):
            near = np.flatnonzero(np.abs(times - time) <= span)
            reach = (times[near] - time) / (span * 1.001)
            heavy = (1 - np.abs(reach) ** 3) ** 3 if is_tapered else np.ones(len(near))
            powers = reach[:, None] ** np.arange(degree + 1)
            for joint in np.flatnonzero(keypoints[row, :, 2] > 0).tolist():
                weights = heavy * keypoints[near, joint, 2]
                if (weights > 0).sum() > degree:
                    root = np.sqrt(weights)[:, None]
                    fit = np.linalg.lstsq(powers * root, keypoints[near, joint, :2] * root, rcond=None)[0]
                    result[row, joint, :2] = fit[0]
        return result

    return smooth


METHODS = {
    "one_euro": _by_one_euro,
    "lowess": _by_polynomials(1, True, SPAN["lowess"]),
    "savitzky_golay": _by_polynomials(2, False, SPAN["savitzky_golay"]),
    "none": lambda keypoints, times: keypoints.copy(),
}
"Function by name, from a track (T, K, 3) and its times (T,) to the smoothed track."
