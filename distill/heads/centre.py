"""Centre: where the middle of a person is, and from there the way to each of its joints."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from distill.heads.batch import Batch
from distill.heads.contract import Head, Loss, Persons
from distill.heads.heatmaps import masks_at
from distill.heads.registry import HEADS
from distill.heads.rendering import render
from distill.heads.target_width import longer_sides
from distill.pose.centres import UNIT, persons_of_centres
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

_NEAR = (-1, 0, 1)
"Cells around a centre, in x and in y, whose offsets are taught."
_LEAST_SIDE = 4.0
"Cells that a person's longer side counts at least."
_TINY = 1e-6


@HEADS.register("centre")
@dataclass(frozen=True)
class Centre(Head):
    """Confidence that a person's centre lies in the cell, and offsets to its joints; persons need no grouping then.

    Taught by the annotated persons, or the teacher's where nobody annotated. The centre is the mean of a person's
    joints. It must be given at the stride of the heatmaps, which its persons are found with.
    """

    weight: float = 1.0
    "Weight of the loss of where centres are."
    offset_weight: float = 0.5
    "Weight of the loss of the offsets."
    sigma: float = 1.5
    "Standard deviation of a centre's target, cells."
    foreground: float = 5.0
    "Extra weight of a cell for each unit of its target's value."

    meaning = (
        "channel 0: confidence that a person's centre lies in the cell, 0..1 by training but not clipped; channel "
        f"1 + k: x, and channel 1 + K + k: y of the way from the cell's centre to joint k, in {UNIT:.0f} cells"
    )
    decodes = ("heatmaps", "centre")

    def __post_init__(self):
        for name in ("weight", "offset_weight", "foreground"):
            if getattr(self, name) < 0:
                raise InputError(f"outputs.centre.{name} must not be negative, not {getattr(self, name)}")
        if self.sigma <= 0:
            raise InputError(f"outputs.centre.sigma must be positive cells, not {self.sigma}")

    def channels(self, skeleton: Skeleton) -> int:
        """One, and two for each joint."""
        return 1 + 2 * len(skeleton)

    def counts(self, batch: Batch, stride: int) -> dict[str, torch.Tensor]:
        """Persons whose centre lies inside the input, by their confidence."""
        return {"centre_offset": self._centres(batch, stride)[1].sum()}

    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """`centre`: squared error in units of one peak, mean over photographs. `centre_offset`: mean over persons of
        their joints' distance in parts of the person's longer side, all by confidence: a Laplace likelihood whose
        width is the person's size."""
        return {
            "centre": Loss(self._where(maps[:, :1], batch, stride), self.weight),
            "centre_offset": Loss(self._ways(maps[:, 1:], batch, stride) / counts["centre_offset"], self.offset_weight),
        }

    def combined(self, direct: torch.Tensor, mirrored: torch.Tensor | None, flip_index: torch.Tensor) -> torch.Tensor:
        """The mean; a mirrored offset has its x turned round."""
        if mirrored is None:
            return direct
        x, y = mirrored[:, 1:].chunk(2, dim=1)
        turned = torch.cat([mirrored[:, :1], -x[:, flip_index], y[:, flip_index]], dim=1)
        return (direct + turned) / 2

    def persons(self, maps: Mapping[str, np.ndarray], skeleton: Skeleton, grouping: GroupingConfig) -> Persons:
        """One person a centre; see `distill.pose.centres.persons_of_centres`."""
        return persons_of_centres(maps["heatmaps"], maps["centre"], grouping)

    def _centres(self, batch: Batch, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, P, 2) centres in cells, and (B, P) confidence of those that lie inside the input, 0 of others."""
        places, confidence = batch.persons[..., :2] / stride, batch.persons[..., 2]
        total = confidence.sum(-1)
        centres = (places * confidence[..., None]).sum(2) / total.clamp(min=_TINY)[..., None]
        height, width = (side / stride for side in batch.images.shape[1:3])
        inside = (centres >= 0).all(-1) & (centres[..., 0] < width) & (centres[..., 1] < height)
        return centres, total / (confidence > 0).sum(-1).clamp(min=1) * inside

    def _where(self, maps: torch.Tensor, batch: Batch, stride: int) -> torch.Tensor:
        centres, confidence = self._centres(batch, stride)
        sample = torch.arange(len(maps), device=maps.device)[:, None].expand_as(confidence)
        points = torch.cat([centres, confidence[..., None]], dim=-1)
        target = render(points.flatten(0, 1), sample.flatten(), tuple(maps.shape), self.sigma)
        masks = masks_at(batch, stride)
        by_human = batch.annotated.any(dim=1)[:, None, None, None]
        weight = torch.where(by_human, 1 - masks[:, 2:3], masks[:, 3:4]) * (1 + self.foreground * target)
        return ((maps - target) ** 2 * weight).sum() / (2 * torch.pi * self.sigma**2 * len(maps))

    def _ways(self, maps: torch.Tensor, batch: Batch, stride: int) -> torch.Tensor:
        """Sum over persons, by confidence, of the mean distance of their joints from where the offsets point."""
        _, channels, height, width = maps.shape
        centres, weight = self._centres(batch, stride)
        near = torch.tensor([(x, y) for y in _NEAR for x in _NEAR], device=maps.device)
        cells = centres.floor().long()[:, :, None] + near
        x, y = cells[..., 0].clamp(0, width - 1), cells[..., 1].clamp(0, height - 1)
        index = (y * width + x).flatten(1)[:, None].expand(-1, channels, -1)
        found = maps.flatten(2).gather(2, index).view(len(maps), 2, -1, *x.shape[1:])
        starts = torch.stack([x, y]).float() + 0.5
        joints = batch.persons[..., :2] / stride
        points = starts.transpose(0, 1)[:, :, None] + UNIT * found
        apart = points - joints.permute(0, 3, 2, 1)[..., None]
        distance = apart.square().sum(1).clamp(min=_TINY).sqrt().mean(-1)
        confidence = batch.persons[..., 2].transpose(1, 2)
        side = (longer_sides(batch.persons) / stride).clamp(min=_LEAST_SIDE)[:, None]
        relative = (distance / side * confidence).sum(1) / confidence.sum(1).clamp(min=_TINY)
        return (relative * weight).sum()
