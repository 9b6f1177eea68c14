"""Which person of a frame is which of the frames before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from distill.prediction.model import Person
from distill.system.errors import InputError
from teachers.similarity import areas_of

_INERTIA = 0.05
"Seconds after which a velocity has mostly become the new one."
_SPEED, _LONGEST = 3.0, 0.2
"Roots of a person's area a second by which it may stray from where it was going, and seconds for which that adds up."


@dataclass(frozen=True)
class TrackingConfig:
    """How persons are followed from frame to frame."""

    oks: float = 0.1
    "Object keypoint similarity from which a person may be the one of a track, 0..1."
    memory: float = 1.0
    "Seconds for which a track outlives the last sight of its person."
    min_joints: int = 3
    "Joints that both must show; a person with fewer begins no track."

    def __post_init__(self):
        if not 0 < self.oks <= 1:
            raise InputError(f"tracking.oks must lie above 0 and at most at 1, not {self.oks}")
        if self.memory < 0:
            raise InputError(f"tracking.memory must not be negative, not {self.memory}")
        if self.min_joints < 1:
            raise InputError(f"tracking.min_joints must be at least 1, not {self.min_joints}")


@dataclass
class _Track:
    number: int
    keypoints: np.ndarray
    seen: float
    "Seconds, when its person was last seen."
    velocity: np.ndarray
    "(2,) pixels a second of its middle."


class Tracker:
    """Gives persons numbers that they keep; frames are shown in the order of time.

    Each track is moved on by its middle's velocity, and tracks and persons are matched so that the sum of their
    similarities is greatest.

    Args:
        sigmas: (K,) of the joints.
    """

    def __init__(self, sigmas: Sequence[float], config: TrackingConfig):
        self.sigmas, self.config = np.asarray(sigmas), config
        self._tracks: list[_Track] = []
        self._next = 1

    def __call__(self, persons: Sequence[Person], time: float) -> list[Person]:
        """The persons with their numbers; those who show too few joints have none.

        Args:
            time: of the frame, seconds.
        """
        self._tracks = [track for track in self._tracks if time - track.seen <= self.config.memory]
        alike = np.array([[self._alike(track, person, time) for track in self._tracks] for person in persons])
        alike = alike.reshape(len(persons), len(self._tracks))
        rows, columns = linear_sum_assignment(-alike)
        owners = {
            int(row): self._tracks[column]
            for row, column in zip(rows, columns, strict=True)
            if alike[row, column] >= self.config.oks
        }
        return [self._followed(person, owners.get(row), time) for row, person in enumerate(persons)]

    def _followed(self, person: Person, track: _Track | None, time: float) -> Person:
        if track is None:
            if (person.keypoints[:, 2] > 0).sum() < self.config.min_joints:
                return person
            track = _Track(self._next, person.keypoints, time, np.zeros(2))
            self._tracks.append(track)
            self._next += 1
        elif time > track.seen:
            both = (person.keypoints[:, 2] > 0) & (track.keypoints[:, 2] > 0)
            elapsed = time - track.seen
            step = (person.keypoints[both, :2] - track.keypoints[both, :2]).mean(axis=0) / elapsed
            track.velocity = track.velocity + (1 - np.exp(-elapsed / _INERTIA)) * (step - track.velocity)
        track.keypoints, track.seen = person.keypoints, time
        return replace(person, track=track.number)

    def _alike(self, track: _Track, person: Person, time: float) -> float:
        """OKS over the joints that both show, more lenient the longer it is ago, 0 where these are too few."""
        both = (person.keypoints[:, 2] > 0) & (track.keypoints[:, 2] > 0)
        if both.sum() < self.config.min_joints:
            return 0.0
        moved = track.keypoints[both, :2] + track.velocity * (time - track.seen)
        squared = ((person.keypoints[both, :2] - moved) ** 2).sum(axis=1)
        area = max(areas_of(np.stack([track.keypoints, person.keypoints])).max(), 1.0)
        strayed = _SPEED * min(time - track.seen, _LONGEST)
        return float(np.exp(-squared / (2 * ((2 * self.sigmas[both]) ** 2 + strayed**2) * area)).mean())
