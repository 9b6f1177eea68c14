"""MoveNet MultiPose Lightning: up to six persons of a photograph in one look, at several sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.nn import functional

from teachers.contract import Surroundings, TeacherPersons
from teachers.onnx_network import OnnxNetwork
from teachers.registry import register
from teachers.similarity import best_of_each

JOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle"),
    "right_ankle",
)
"COCO's, which it finds."
STRIDE, GRAIN = 4, 32
"Pixels of the input that a cell of its heads covers, and of which the input's sides are multiples."
_HEATMAPS = "StatefulPartitionedCall/kpt_heatmap_0/conv2d_7/BiasAdd:0"
_OFFSETS = "StatefulPartitionedCall/kpt_offset_0/conv2d_9/BiasAdd:0"
BEST_SIDES = (40.0, 300.0)
"Pixels of the input that a person's longer side should have; outside of them a finding loses against another size's."
SAME_PEAK = 2.0
"Widths within which two peaks of a joint, of different sizes, are one."


class _Seen(NamedTuple):
    """What one look gave, in photograph pixels."""

    persons: np.ndarray
    "(6, 17, 3) x, y, score."
    scores: np.ndarray
    "(6,) of the person, times the mean of its joints'."
    sure: np.ndarray
    "(6,) bool, whether the person is taken for one."
    fits: np.ndarray
    "(6,) 1 where the person's size suits the network, less where it does not."
    peaks: np.ndarray
    "(M, 5) joint, x, y, confidence, width."


@register("movenet_multipose")
class MovenetMultipose:
    """MoveNet MultiPose Lightning by Google, as an ONNX file.

    Persons are those of its own decoder. Peaks are read in its raw heads, so that joints beyond its six persons are
    there too. Of findings that are one person (OKS above 0.5) at several sizes the one counts whose size suits the
    network best: large persons come from small inputs and small ones from large inputs.

    Args:
        surroundings: joints must be COCO's 17.
        weights: the .onnx file.
        sizes: long sides of the inputs, pixels.
        confidence: persons of a lower score are left out, 0..1.
        peak: cells of the heads from which they are peaks, 0..1.
    """

    needs = ()

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        weights: Path,
        sizes: tuple[int, ...] = (256, 512, 1024),
        confidence: float = 0.05,
        peak: float = 0.1,
    ):
        if surroundings.joints != JOINTS:
            raise ValueError(f"name movenet_multipose finds COCO's 17 joints, not these {len(surroundings.joints)}")
        if not sizes or min(sizes) < GRAIN:
            raise ValueError(f"sizes needs long sides of {GRAIN} pixels and more, not {list(sizes)}")
        for name, value in (("confidence", confidence), ("peak", peak)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in 0..1, not {value}")
        self.sizes, self.confidence, self.peak, self.sigmas = tuple(sizes), confidence, peak, surroundings.sigmas
        self._network = OnnxNetwork(Path(weights), surroundings.device, inner=(_HEATMAPS, _OFFSETS))

    @property
    def attributes(self) -> dict:
        """Weights and settings."""
        return {
            "weights_sha256": self._network.sha256,
            "sizes": list(self.sizes),
            "confidence": self.confidence,
            "peak": self.peak,
        }

    def __call__(self, photographs: np.ndarray) -> TeacherPersons:
        """Persons and peaks of each photograph."""
        found = [self._merged([self._look(photograph, size) for size in self.sizes]) for photograph in photographs]
        persons, scores, peaks = zip(*found, strict=True)
        return TeacherPersons(persons, scores, peaks)

    def _merged(self, looks: Sequence[_Seen]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        persons = np.concatenate([look.persons for look in looks])
        scores = np.concatenate([look.scores for look in looks])
        kept = np.flatnonzero(np.concatenate([look.sure for look in looks]))
        suited = np.concatenate([look.fits for look in looks])[kept] * scores[kept]
        best = best_of_each(persons[kept], suited, self.sigmas)
        peaks = _distinct(np.concatenate([look.peaks for look in looks]))
        return persons[kept][best].astype(np.float32), suited[best].astype(np.float32), peaks

    def _look(self, photograph: np.ndarray, size: int) -> _Seen:
        values, factors = _input(photograph, size)
        found, heatmaps, offsets = self._network(values)
        height, width = values.shape[1:3]
        joints = found[0][:, :51].reshape(-1, len(JOINTS), 3).astype(np.float64)
        # What it calls a place is the index of a pixel.
        points = (joints[..., [1, 0]] * (width, height) + 0.5) / factors
        persons = np.concatenate([points, joints[..., 2:]], axis=2)
        top, left, bottom, right = (found[0][:, 51:55] * [height, width, height, width]).T
        sides = np.maximum(np.maximum(bottom - top, right - left), 1.0)
        fits = (np.minimum(1, BEST_SIDES[1] / sides) * np.minimum(1, sides / BEST_SIDES[0])) ** 2
        scores = found[0][:, 55] * joints[..., 2].mean(axis=1)
        inside = (photograph.shape[1] * factors[0], photograph.shape[0] * factors[1])
        sure = found[0][:, 55] > self.confidence
        return _Seen(persons, scores, sure, fits, self._peaks(heatmaps[0], offsets[0], factors, inside))

    def _peaks(
        self, logits: np.ndarray, offsets: np.ndarray, factors: np.ndarray, inside: tuple[float, float]
    ) -> np.ndarray:
        """Local maxima of the heatmaps, moved by the offsets at their cells."""
        maps = torch.sigmoid(torch.from_numpy(logits))
        highest = functional.max_pool2d(maps[None], 5, stride=1, padding=2)[0]
        joint, row, column = torch.nonzero((maps == highest) & (maps > self.peak)).numpy().T
        down, across = offsets[2 * joint, row, column], offsets[2 * joint + 1, row, column]
        points = np.stack([column + across, row + down], axis=1) * STRIDE + 0.5
        kept = (points >= 0).all(axis=1) & (points <= inside).all(axis=1)
        width = STRIDE * _spread(maps.numpy(), joint, row, column) / factors.mean()
        peaks = np.column_stack([joint, points / factors, maps.numpy()[joint, row, column], width])
        return peaks[kept].astype(np.float32)


def _input(photograph: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The network's input (1, H, W, 3) int32, padded right and below, and its pixels a photograph's pixel, x and y."""
    height, width = photograph.shape[:2]
    factor = size / max(height, width)
    scaled = max(round(width * factor), 1), max(round(height * factor), 1)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    padded = [-(-side // GRAIN) * GRAIN for side in scaled]
    values = np.zeros((1, padded[1], padded[0], 3), np.int32)
    values[0, : scaled[1], : scaled[0]] = cv2.resize(photograph, scaled, interpolation=how)
    return values, np.array([scaled[0] / width, scaled[1] / height])


def _spread(maps: np.ndarray, joint: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """(M,) standard deviation, cells, of the maps around cells, in x and y together, of 5 x 5 cells."""
    padded = np.pad(maps, ((0, 0), (2, 2), (2, 2)))
    steps = np.arange(-2, 3)
    values = padded[joint[:, None, None], row[:, None, None] + steps[:, None] + 2, column[:, None, None] + steps + 2]
    squared = steps[:, None] ** 2 + steps**2
    return np.sqrt((values * squared).sum(axis=(1, 2)) / (2 * np.maximum(values.sum(axis=(1, 2)), 1e-6)))


def _distinct(peaks: np.ndarray) -> np.ndarray:
    """Peaks without those that a higher one of their joint is too near to."""
    peaks = peaks[np.lexsort((-peaks[:, 3], peaks[:, 0]))]
    kept = np.ones(len(peaks), dtype=bool)
    for row in range(len(peaks)):
        if kept[row]:
            later = slice(row + 1, np.searchsorted(peaks[:, 0], peaks[row, 0], side="right"))
            apart = np.hypot(*(peaks[later, 1:3] - peaks[row, 1:3]).T)
            kept[later] &= apart >= SAME_PEAK * np.maximum(peaks[later, 4], peaks[row, 4])
    return peaks[kept]
