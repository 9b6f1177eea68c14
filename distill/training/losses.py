"""Losses against hard labels and soft labels, as a dictionary by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch.nn import functional

from distill.data.samples import MASK_STRIDE
from distill.heads.batch import Batch
from distill.heads.targets import render
from distill.system.errors import InputError


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses and the width of the targets."""

    alpha: float = 0.5
    "Share of the soft labels in the heatmap loss, 0..1; the hard labels have the rest."
    sigma: dict[str, float] | None = None
    "Standard deviation of the targets in cells, by key such as heatmaps_s4; 1.0 where not given."
    foreground: float = 0.0
    "Extra weight of a cell for each unit of its target's value."
    attention: float = 0.1
    "Weight of the segmentation attention."
    tag_pull: float = 0.1
    "Weight of pulling a person's tags together."
    tag_push: float = 0.1
    "Weight of pushing the tags of different persons apart."

    def __post_init__(self):
        if not 0 <= self.alpha <= 1:
            raise InputError(f"loss.alpha must lie in 0..1, not {self.alpha}")
        for name in ("foreground", "attention", "tag_pull", "tag_push"):
            if getattr(self, name) < 0:
                raise InputError(f"loss.{name} must not be negative")
        for key, sigma in (self.sigma or {}).items():
            if not key.startswith("heatmaps_s") or sigma <= 0:
                raise InputError(f"loss.sigma must map heatmaps_s4 or the like to positive cells, not {key}: {sigma}")

    def sigma_of(self, key: str) -> float:
        """Width of the targets of one output, cells."""
        return (self.sigma or {}).get(key, 1.0)

    def weight_of(self, name: str) -> float:
        """Weight of a named loss in the sum."""
        if name.startswith("heatmap_hard"):
            return 1 - self.alpha
        if name.startswith("heatmap_soft"):
            return self.alpha
        return getattr(self, name)


def at_least_one(count: torch.Tensor) -> torch.Tensor:
    """What a sum over `count` things is divided by."""
    return count.clamp(min=1)


def compute_losses(
    outputs: dict[str, torch.Tensor], batch: Batch, config: LossConfig, divisor: Callable = at_least_one
) -> dict[str, torch.Tensor]:
    """Named scalar losses, not yet weighted.

    `heatmap_hard_s4`, `heatmap_soft_s4` and the like, `attention`, `tag_pull`, `tag_push`, as far as
    the outputs have them and alpha asks for them.

    Args:
        divisor: function from the number of things that a loss sums over, in this batch, to what the sum is divided
            by; where several processes share a batch it asks for all their things.
    """
    losses = {}
    masks_at = cache(lambda stride: _masks(batch, stride))
    for key, maps in outputs.items():
        kind, _, stride = key.partition("_s")
        if kind == "heatmaps":
            masks = masks_at(int(stride))
            if config.alpha < 1:
                hard = hard_targets(batch, maps.shape, int(stride), config.sigma_of(key))
                losses[f"heatmap_hard_s{stride}"] = _heatmap_loss(maps, hard, 1 - masks[:, 2:3], config, key)
            if config.alpha > 0:
                soft = soft_targets(batch, maps.shape, int(stride), config.sigma_of(key))
                losses[f"heatmap_soft_s{stride}"] = _heatmap_loss(maps, soft, masks[:, 3:4], config, key)
        elif kind == "tags":
            losses["tag_pull"], losses["tag_push"] = tag_losses(maps, batch.keypoints / int(stride), divisor)
        elif kind == "attention":
            losses["attention"] = _attention_loss(maps, masks_at(batch.images.shape[1] // maps.shape[-1]), divisor)
    return losses


def total_loss(losses: dict[str, torch.Tensor], config: LossConfig) -> torch.Tensor:
    """The weighted sum."""
    return sum(config.weight_of(name) * loss for name, loss in losses.items())


def hard_targets(batch: Batch, shape: tuple, stride: int, sigma: float) -> torch.Tensor:
    """Heatmaps (B, K, H, W) of the annotated joints, visible or occluded."""
    sample, _, joint = is_labelled = (batch.keypoints[..., 2] > 0).nonzero(as_tuple=True)
    points = batch.keypoints[is_labelled]
    points = torch.cat([points[:, :2] / stride, torch.ones_like(points[:, :1])], dim=1)
    return render(points, sample * shape[1] + joint, tuple(shape), sigma)


def soft_targets(batch: Batch, shape: tuple, stride: int, sigma: float) -> torch.Tensor:
    """Heatmaps (B, K, H, W) of the teacher's peaks, at the teacher's heights."""
    channel = batch.peaks[:, 0].long() * shape[1] + batch.peaks[:, 1].long()
    points = torch.cat([batch.peaks[:, 2:4] / stride, batch.peaks[:, 4:5]], dim=1)
    return render(points, channel, tuple(shape), sigma)


def tag_losses(
    tags: torch.Tensor, keypoints: torch.Tensor, divisor: Callable = at_least_one
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pull and push of associative embedding (Newell et al., 2017), each a scalar.

    Pull is the mean squared distance of a person's tags to their mean; push the mean over pairs of
    persons in a photograph of exp(-(difference of their means)^2).

    Args:
        tags: (B, K, H, W).
        keypoints: (B, P, K, 3) x, y in cells and visibility.
        divisor: as in `compute_losses`.
    """
    _, joints, height, width = tags.shape
    labelled = keypoints[..., 2] > 0
    column = keypoints[..., 0].long().clamp(0, width - 1)
    row = keypoints[..., 1].long().clamp(0, height - 1)
    cell = (torch.arange(joints, device=tags.device) * height + row) * width + column
    values = tags.flatten(1).gather(1, cell.flatten(1)).view(cell.shape)
    count = labelled.sum(-1)
    is_person = count > 0
    mean = (values * labelled).sum(-1) / count.clamp(min=1)
    spread = ((values - mean[..., None]) ** 2 * labelled).sum(-1) / count.clamp(min=1)
    pull = spread.sum() / divisor(is_person.sum())
    pairs = (is_person[:, :, None] & is_person[:, None, :]).float().triu(1)
    closeness = torch.exp(-((mean[:, :, None] - mean[:, None, :]) ** 2))
    return pull, (closeness * pairs).sum() / divisor(pairs.sum())


def _heatmap_loss(
    maps: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, config: LossConfig, key: str
) -> torch.Tensor:
    """Squared error in units of one peak, 2 pi sigma^2, as a mean over images and joints."""
    cells = weight * (1 + config.foreground * target)
    peak = 2 * torch.pi * config.sigma_of(key) ** 2
    return ((maps - target) ** 2 * cells).sum() / (peak * maps.shape[0] * maps.shape[1])


def _attention_loss(logits: torch.Tensor, masks: torch.Tensor, divisor: Callable) -> torch.Tensor:
    loss = functional.binary_cross_entropy_with_logits(logits, masks[:, 0:1], reduction="none")
    known = (masks[:, 1:2] < 0.5).float()
    return (loss * known).sum() / divisor(known.sum())


def _masks(batch: Batch, stride: int) -> torch.Tensor:
    """(B, 4, H, W) float32 0..1 at a stride."""
    return functional.avg_pool2d(batch.masks.float() / 255, stride // MASK_STRIDE)
