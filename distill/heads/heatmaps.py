"""Heatmaps: how sure the network is that a joint of some person lies in a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from distill.heads.batch import MASK_STRIDE, Batch
from distill.heads.contract import Head, Loss, Persons
from distill.heads.registry import HEADS
from distill.heads.rendering import render
from distill.pose.grouping import GroupingConfig
from distill.pose.single_person import best_cells
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

SIGMA = 1.0
"Standard deviation of the targets where nobody says otherwise, cells."


@HEADS.register("heatmaps")
@dataclass(frozen=True)
class Heatmaps(Head):
    """Gaussians at the joints, from hard labels and the teacher's peaks alike, under a squared error."""

    sigma: float | dict[str, float] = SIGMA
    "Standard deviation of the targets in cells; one for all, or by key such as heatmaps_s4 with 1.0 for the others."
    foreground: float = 0.0
    "Extra weight of a cell for each unit of its target's value."
    disagreement: Literal["blend", "human", "maximum"] = "blend"
    """Where hard and soft labels both speak: blend lets each have its loss, human takes the hard ones alone, maximum
    the higher of the two."""

    meaning = (
        "confidence that joint k of some person lies in the cell, 0..1 by training but not clipped; channel k is "
        "skeleton.joints[k]"
    )
    decodes = ("heatmaps",)

    def __post_init__(self):
        sigmas = self.sigma if isinstance(self.sigma, dict) else {"heatmaps_s4": self.sigma}
        for key, sigma in sigmas.items():
            if not key.startswith("heatmaps_s") or sigma <= 0:
                raise InputError(
                    f"outputs.heatmaps.sigma must be positive cells, or map heatmaps_s4 or the like to them, not "
                    f"{key}: {sigma}"
                )
        if self.foreground < 0:
            raise InputError(f"outputs.heatmaps.foreground must not be negative, not {self.foreground}")

    def check(self, keys: Sequence[str]):
        """Every key of sigma must be one of the network's."""
        if isinstance(self.sigma, dict) and (unknown := self.sigma.keys() - set(keys)):
            raise InputError(f"outputs.heatmaps.sigma names {min(unknown)}; this network gives {', '.join(keys)}")

    def sigma_at(self, stride: int) -> float:
        """Width of the targets at a stride, cells."""
        return self.sigma.get(f"heatmaps_s{stride}", SIGMA) if isinstance(self.sigma, dict) else self.sigma

    def channels(self, skeleton: Skeleton) -> int:
        """One for each joint."""
        return len(skeleton)

    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """`heatmap_hard_s4` and `heatmap_soft_s4` or the like, as far as alpha asks for them.

        Hard labels do not count on ignored people, nor in joints that the photograph's data set does not annotate;
        soft ones count inside the photograph. Where both count, `disagreement` decides, if both are asked for.
        """
        masks, losses = masks_at(batch, stride), {}
        by_human, by_teacher = (1 - masks[:, 2:3]) * batch.annotated[:, :, None, None], masks[:, 3:4]
        hard = self.hard_targets(batch, maps.shape, stride) if alpha < 1 else None
        soft = self.soft_targets(batch, maps.shape, stride) if alpha > 0 else None
        if self.disagreement != "blend" and 0 < alpha < 1:
            if self.disagreement == "maximum":
                hard = torch.maximum(hard, soft * by_teacher)
            by_teacher = by_teacher * (1 - by_human)
        if hard is not None:
            losses[f"heatmap_hard_s{stride}"] = Loss(self._loss(maps, hard, by_human, stride), 1 - alpha)
        if soft is not None:
            losses[f"heatmap_soft_s{stride}"] = Loss(self._loss(maps, soft, by_teacher, stride), alpha)
        return losses

    def hard_targets(self, batch: Batch, shape: tuple[int, ...], stride: int) -> torch.Tensor:
        """Heatmaps (B, K, H, W) of the annotated joints, visible or occluded."""
        points = torch.cat([batch.joints[:, 2:4] / stride, torch.ones_like(batch.joints[:, :1])], dim=1)
        return render(points, _channel(batch.joints, shape), tuple(shape), self.sigma_at(stride))

    def soft_targets(self, batch: Batch, shape: tuple[int, ...], stride: int) -> torch.Tensor:
        """Heatmaps (B, K, H, W) of the teacher's peaks, at the teacher's confidences."""
        points = torch.cat([batch.peaks[:, 2:4] / stride, batch.peaks[:, 4:5]], dim=1)
        return render(points, _channel(batch.peaks, shape), tuple(shape), self.sigma_at(stride))

    def combined(self, direct: torch.Tensor, mirrored: torch.Tensor | None, flip_index: torch.Tensor) -> torch.Tensor:
        """The mean."""
        return direct if mirrored is None else (direct + mirrored[:, flip_index]) / 2

    def persons(self, maps: Mapping[str, np.ndarray], skeleton: Skeleton, grouping: GroupingConfig) -> Persons:
        """One person: each joint's best cell; see `distill.pose.single_person.best_cells`."""
        return best_cells(maps["heatmaps"], grouping)

    def _loss(self, maps: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
        """Squared error in units of one peak, 2 pi sigma^2, as a mean over images and joints."""
        cells = weight * (1 + self.foreground * target)
        peak = 2 * torch.pi * self.sigma_at(stride) ** 2
        return ((maps - target) ** 2 * cells).sum() / (peak * maps.shape[0] * maps.shape[1])


def masks_at(batch: Batch, stride: int) -> torch.Tensor:
    """A batch's masks (B, 4, H, W) float32 0..1 at a stride."""
    return functional.avg_pool2d(batch.masks.float() / 255, stride // MASK_STRIDE)


def _channel(rows: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """(N,) which of the B * K maps each row of sample, joint, ... belongs to."""
    return rows[:, 0].long() * shape[1] + rows[:, 1].long()
