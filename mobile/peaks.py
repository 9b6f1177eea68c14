"""Non-maximum suppression inside the graph: a few numbers a joint instead of maps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mobile.errors import ExportError
from mobile.outputs import HEATMAPS, TAGS, OutputInfo

SCOPE = r"^(mobile\.peaks\.PeakModel;|serving_default_peak_)"
"What the converter calls the tensors that are made from the maps."

SHIFTS = ("none", "quarter", "parabola")
_LOWEST = 1e-3
_LEAST_BEND = 1e-6


@dataclass(frozen=True)
class PeakSettings:
    """Which cells of the heatmaps leave the graph."""

    count: int
    "Peaks of each joint, those of highest value."
    kernel: int
    "Side of the window in which only the highest cell is a peak, cells; odd."
    shift: str
    "From its cell's centre a peak moves a `quarter` cell to its higher neighbour, or to the vertex of the `parabola`."

    def __post_init__(self):
        if self.shift not in SHIFTS:
            raise ExportError(f"shift {self.shift!r} is unknown; choose from {', '.join(SHIFTS)}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ExportError(f"kernel must be an odd number of cells, not {self.kernel}")
        if self.count < 1:
            raise ExportError(f"count must be at least 1, not {self.count}")


class PeakModel(nn.Module):
    """A network whose maps are reduced to their peaks: image (1, H, W, 3) to a dict.

    `peak_values` (1, K, M) heatmap values, highest first, 0 where a joint has fewer peaks; `peak_cells`
    (1, K, M) int32, row * width + column; `peak_shifts` (1, K, M, 2), x and y in cells; and where the network
    gives tags `peak_tags` (1, K, M). Of equal cells in one window the first in row-major order is the peak.

    Args:
        maps: image to a dict of maps (1, h, w, C), of which one is heatmaps and at most one tags.
        settings: which cells.
        outputs: what each of the maps is.

    Raises:
        ExportError: the network gives no heatmaps, or heatmaps or tags of several strides.
    """

    def __init__(self, maps: nn.Module, settings: PeakSettings, outputs: Mapping[str, OutputInfo]):
        super().__init__()
        self.maps, self.settings = maps, settings
        self.heatmaps, self.tags = _only(outputs, HEATMAPS), _only(outputs, TAGS)
        if self.heatmaps is None:
            raise ExportError("peaks need a network with heatmaps; export its maps")

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = self.maps(image)
        heatmaps = maps[self.heatmaps].permute(0, 3, 1, 2)
        peaks = (heatmaps * self._is_peak(heatmaps)).flatten(2)
        values, cells = peaks.topk(min(self.settings.count, peaks.shape[2]), dim=2)
        found = {
            "peak_values": values,
            "peak_cells": cells.int(),
            "peak_shifts": self._shifts(heatmaps.flatten(2), cells, heatmaps.shape[3]),
        }
        if self.tags is not None:
            found["peak_tags"] = maps[self.tags].permute(0, 3, 1, 2).flatten(2).gather(2, cells)
        return found

    def _is_peak(self, heatmaps: torch.Tensor) -> torch.Tensor:
        """Whether each cell (1, K, h, w) is the highest of its window and higher than all that come before it."""
        kernel, reach = self.settings.kernel, self.settings.kernel // 2
        highest = functional.max_pool2d(heatmaps, kernel, stride=1, padding=reach)
        if not reach:
            return heatmaps == highest
        lowest = torch.finfo(heatmaps.dtype).min
        above = functional.pad(heatmaps[:, :, :-1], (reach, reach, reach, 0), value=lowest)
        left = functional.pad(heatmaps[:, :, :, :-1], (reach, 0), value=lowest)
        before = torch.maximum(
            functional.max_pool2d(above, (reach, kernel), stride=1), functional.max_pool2d(left, (1, reach), stride=1)
        )
        return (heatmaps == highest) & (heatmaps > before)

    def _shifts(self, heatmaps: torch.Tensor, cells: torch.Tensor, width: int) -> torch.Tensor:
        """(1, K, M, 2) of heatmaps (1, K, h w) at cells (1, K, M)."""
        if self.settings.shift == "none":
            return torch.zeros(*cells.shape, 2)
        last = heatmaps.shape[2] - width
        column = cells % width
        sides = [
            heatmaps.gather(2, torch.where(inside, cells + step, cells))
            for inside, step in (
                (column > 0, -1),
                (column < width - 1, 1),
                (cells >= width, -width),
                (cells < last, width),
            )
        ]
        if self.settings.shift == "quarter":
            left, right, above, below = sides
            return torch.stack([_quarter(left, right), _quarter(above, below)], dim=3)
        left, right, above, below = (side.clamp(min=_LOWEST).log() for side in sides)
        here = heatmaps.gather(2, cells).clamp(min=_LOWEST).log()
        return torch.stack([_vertex(left, here, right), _vertex(above, here, below)], dim=3)


def comparable(
    found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Two lists of peaks, with what hangs on a cell set to 0 wherever the two name different cells.

    Cells that rounding has put into another order are no error; the values, sorted, must agree all the same. Shifts
    are multiplied by the peak's value: the last digit of a faint one decides where its parabola stands.
    """
    same = (found["peak_cells"] == wanted["peak_cells"]) & (wanted["peak_values"] > 0)
    masked = []
    for peaks in (found, wanted):
        shown = {"peak_shifts": peaks["peak_shifts"] * (wanted["peak_values"] * same)[..., None]}
        if "peak_tags" in peaks:
            shown["peak_tags"] = peaks["peak_tags"] * same
        masked.append({"peak_values": peaks["peak_values"].clip(min=0)} | shown)
    return masked[0], masked[1]


def _only(outputs: Mapping[str, OutputInfo], kind: str) -> str | None:
    """The key of the one output of a kind; None where there is none.

    Raises:
        ExportError: there are several.
    """
    found = [name for name, output in outputs.items() if output.kind == kind]
    if len(found) > 1:
        raise ExportError(f"peaks need a network with one output of kind {kind}, not {', '.join(found)}")
    return found[0] if found else None


def _quarter(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    return torch.where(after > before, 0.25, -0.25)


def _vertex(before: torch.Tensor, centre: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    bend = (2 * centre - before - after).clamp(min=_LEAST_BEND)
    return ((after - before) / (2 * bend)).clamp(-0.5, 0.5)
