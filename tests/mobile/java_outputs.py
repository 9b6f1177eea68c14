"""Outputs as models give them, made from maps; part of `java_cases.py`."""

import numpy as np
import torch

from distill.pose.grouping import GroupingConfig
from distill.pose.offsets import MID_UNIT, SHORT_UNIT
from mobile.outputs import OutputInfo
from mobile.peaks import PeakModel, PeakSettings
from mobile.runtime import to_stored, to_values


class _Given(torch.nn.Module):
    """A network that gives the same maps for every image."""

    def __init__(self, maps: dict[str, torch.Tensor]):
        super().__init__()
        self.maps = maps

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.maps


def quantised(maps: dict[str, torch.Tensor], dtype: type) -> tuple[dict, dict, dict[str, torch.Tensor]]:
    """Maps as a model stores them, (1, h, w, 17), what LiteRT says of each, and the maps that they stand for."""
    stored, details, read = {}, {}, {}
    for key, value in maps.items():
        values = value.permute(0, 2, 3, 1).numpy()
        low, high = min(0.0, float(values.min())), float(values.max())
        scale = float(np.float32((high - low) / 255))
        details[key] = {"quantization": (scale, round(np.iinfo(dtype).min - low / scale)), "dtype": dtype}
        stored[key] = to_stored(values, details[key])
        read[key] = torch.from_numpy(to_values(stored[key], details[key])).permute(0, 3, 1, 2)
    return stored, details, read


def peaks_of(maps: dict[str, torch.Tensor], settings: PeakSettings) -> dict[str, np.ndarray]:
    """Peaks, as a model gives them, of maps (1, 17, h, w)."""
    last = {key: value.permute(0, 2, 3, 1) for key, value in maps.items()}
    outputs = {key: OutputInfo(key.partition("_s")[0], "") for key in maps}
    return {key: value.numpy() for key, value in PeakModel(_Given(last), settings, outputs)(torch.zeros(1)).items()}


def has_equal_peaks(heatmaps: torch.Tensor) -> bool:
    """Whether two peaks of a joint are of one value, so that they could come in any order; heatmaps (1, 17, h, w)."""
    grouping = GroupingConfig()
    [values] = peaks_of({"heatmaps_s4": heatmaps}, PeakSettings(grouping.max_persons, grouping.nms_kernel, "none"))[
        "peak_values"
    ]
    seen = [joint[joint > grouping.detection_threshold] for joint in values]
    return any(len(np.unique(joint)) < len(joint) for joint in seen)


def offsets_of(persons: np.ndarray, size: tuple[int, int], tree: np.ndarray) -> np.ndarray:
    """Offsets (2 K + 4 E, h, w) float32 that a network gives which knows persons (P, K, 2) x, y in cells; in each cell
    those of the person whose joint is nearest."""
    row, column = np.mgrid[: size[0], : size[1]] + 0.5
    cells = np.stack([column, row])
    owner = ((persons.transpose(1, 0, 2)[..., None, None] - cells) ** 2).sum(axis=2).argmin(axis=1)

    def ways(starts: np.ndarray, ends: np.ndarray, unit: float) -> np.ndarray:
        """x, then y (2 N, h, w) from cells near joints `starts` to the same persons' joints `ends`."""
        targets = np.stack([persons[owner[a], b].transpose(2, 0, 1) for a, b in zip(starts, ends, strict=True)])
        return ((targets - cells) / unit).transpose(1, 0, 2, 3).reshape(-1, *size)

    joints = np.arange(persons.shape[1])
    parents, children = tree.T
    parts = ways(joints, joints, SHORT_UNIT), ways(parents, children, MID_UNIT), ways(children, parents, MID_UNIT)
    return np.concatenate(parts).astype(np.float32)
