"""Heatmaps: how sure the network is that a joint of some person lies in a cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from distill.heads.batch import MASK_STRIDE, Batch
from distill.heads.contract import Head, Loss, Persons
from distill.heads.heatmap_losses import BY_NAME, probability
from distill.heads.registry import HEADS
from distill.heads.rendering import render
from distill.heads.target_width import by_person, by_teacher
from distill.pose.grouping import GroupingConfig
from distill.pose.single_person import best_cells
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

SIGMA = 1.0
"Standard deviation of the targets where nobody says otherwise, cells."


@HEADS.register("heatmaps")
@dataclass(frozen=True)
class Heatmaps(Head):
    """Gaussians at the joints, from hard labels and the teacher's peaks alike."""

    sigma: float | dict[str, float] = SIGMA
    "Standard deviation of the targets in cells; one for all, or by key such as heatmaps_s4 with 1.0 for the others."
    foreground: float = 0.0
    "Extra weight of a cell for each unit of its target's value."
    disagreement: Literal["blend", "human", "maximum", "confidence"] = "blend"
    """Where hard and soft labels both speak: blend lets each have its loss, human takes the hard ones alone, maximum
    the higher of the two; confidence gives the soft ones of a joint alpha times the highest of their peaks."""
    width: Literal["fixed", "person", "teacher"] = "fixed"
    """What makes a target as wide as it is: fixed is sigma, person makes sigma follow the size of the person, teacher
    gives each soft target the spread of the teacher's own peak."""
    soft_gain: float = 1.0
    """Times that soft targets are as high as the teacher's confidence, up to the height of hard ones: for teachers
    whose scores stay low where they are right; 1 takes these as they are."""
    loss: Literal["squared", "cross_entropy", "focal", "soft_iou"] = "squared"
    """How far maps are from their targets; all but squared teach the network what a sigmoid makes the heatmap of, and
    soft_iou leaves the scale to each map."""
    gamma: float = 2.0
    "Exponent of the focal loss."
    hardest: int = 0
    "Count only so many joints of each photograph, those of the largest loss; 0 counts all."

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
        for name in ("foreground", "gamma", "hardest"):
            if getattr(self, name) < 0:
                raise InputError(f"outputs.heatmaps.{name} must not be negative, not {getattr(self, name)}")
        if self.soft_gain <= 0:
            raise InputError(f"outputs.heatmaps.soft_gain must be positive, not {self.soft_gain}")

    @property
    def activation(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """A sigmoid where the loss asks for probabilities."""
        return None if self.loss == "squared" else probability

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
        if 0 < alpha < 1:
            if self.disagreement == "confidence":
                trust = _highest_peaks(batch, maps.shape)
                by_teacher = by_teacher * (1 - by_human * (1 - trust))
                by_human = by_human * (1 - alpha * trust) / (1 - alpha)
            elif self.disagreement != "blend":
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
        rows, sigma = batch.joints, self.sigma_at(stride)
        points = torch.cat([rows[:, 2:4] / stride, torch.ones_like(rows[:, :1])], dim=1)
        width = sigma * by_person(rows, batch) if self.width == "person" else sigma
        return render(points, _channel(rows, shape), tuple(shape), width)

    def soft_targets(self, batch: Batch, shape: tuple[int, ...], stride: int) -> torch.Tensor:
        """Heatmaps (B, K, H, W) of the teacher's peaks at its confidences; its whole maps where the batch has them."""
        if batch.teacher_maps.shape[1]:
            whole = (batch.teacher_maps * (self.soft_gain / 255)).clamp(max=1)
            return functional.interpolate(whole, size=shape[-2:], mode="bilinear", antialias=True)
        rows, width = batch.peaks, self.sigma_at(stride)
        points = torch.cat([rows[:, 2:4] / stride, (rows[:, 4:5] * self.soft_gain).clamp(max=1)], dim=1)
        if self.width != "fixed":
            width = width * (by_person(rows, batch) if self.width == "person" else by_teacher(rows, stride, width))
        return render(points, _channel(rows, shape), tuple(shape), width)

    def combined(self, direct: torch.Tensor, mirrored: torch.Tensor | None, flip_index: torch.Tensor) -> torch.Tensor:
        """The mean."""
        return direct if mirrored is None else (direct + mirrored[:, flip_index]) / 2

    def persons(self, maps: Mapping[str, np.ndarray], skeleton: Skeleton, grouping: GroupingConfig) -> Persons:
        """One person: each joint's best cell; see `distill.pose.single_person.best_cells`."""
        return best_cells(maps["heatmaps"], grouping)

    def _loss(self, maps: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
        """Mean over images and those joints that count."""
        cells = weight * (1 + self.foreground * target)
        by_map = BY_NAME[self.loss](maps, target, cells, 2 * torch.pi * self.sigma_at(stride) ** 2, self.gamma)
        if self.hardest:
            by_map = by_map.topk(min(self.hardest, by_map.shape[1]), dim=1).values
        return by_map.mean()


def masks_at(batch: Batch, stride: int) -> torch.Tensor:
    """A batch's masks (B, 4, H, W) float32 0..1 at a stride."""
    return functional.avg_pool2d(batch.masks.float() / 255, stride // MASK_STRIDE)


def _highest_peaks(batch: Batch, shape: tuple[int, ...]) -> torch.Tensor:
    """(B, K, 1, 1) confidence of the highest of the teacher's peaks of each joint, 0 without one."""
    highest = torch.zeros(shape[0] * shape[1], device=batch.peaks.device)
    highest.scatter_reduce_(0, _channel(batch.peaks, shape), batch.peaks[:, 4], "amax")
    return highest.view(*shape[:2], 1, 1)


def _channel(rows: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """(N,) which of the B * K maps each row of sample, joint, ... belongs to."""
    return rows[:, 0].long() * shape[1] + rows[:, 1].long()
