"""How far heatmaps are from their targets, by name; each gives a value a map, (B, K)."""

from collections.abc import Callable

import torch
from torch.nn import functional

EMPTY = 4.6
"What is taken from a map before its sigmoid, so that a network whose maps start at zero starts with heatmaps of 0.01."

ByMap = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float, float], torch.Tensor]
"""Called with maps and targets (B, K, H, W), the weights of their cells, the cells of one peak (2 pi sigma^2), gamma;
all but `squared` take maps before `probability`."""


def probability(maps: torch.Tensor) -> torch.Tensor:
    """Heatmaps 0..1 of what a network gives that learns by any loss but `squared`."""
    return torch.sigmoid(maps - EMPTY)


def squared(maps: torch.Tensor, target: torch.Tensor, cells: torch.Tensor, peak: float, _: float) -> torch.Tensor:
    """Squared error, in units of one peak."""
    return ((maps - target) ** 2 * cells).sum((2, 3)) / peak


def cross_entropy(maps: torch.Tensor, target: torch.Tensor, cells: torch.Tensor, peak: float, _: float) -> torch.Tensor:
    """Binary cross-entropy with targets 0..1, in units of one peak."""
    loss = functional.binary_cross_entropy_with_logits(maps.float() - EMPTY, target, reduction="none")
    return (loss * cells).sum((2, 3)) / peak


def focal(maps: torch.Tensor, target: torch.Tensor, cells: torch.Tensor, peak: float, gamma: float) -> torch.Tensor:
    """Cross-entropy times |probability - target|^gamma, in units of one peak: the focal loss for targets 0..1 of Li et
    al., Generalized Focal Loss, NeurIPS 2020."""
    apart = (probability(maps.float()) - target).abs() ** gamma
    return cross_entropy(maps, target, cells * apart, peak, gamma)


def soft_iou(maps: torch.Tensor, target: torch.Tensor, cells: torch.Tensor, peak: float, gamma: float) -> torch.Tensor:
    """Cross-entropy less the logarithm of the soft intersection over union, as Iglovikov and Shvets, TernausNet, 2018;
    the intersection alone is content with empty maps, as almost every cell is. One cell is added to both, so that a map
    without a target asks to be empty."""
    found = probability(maps.float())
    both = (found * target * cells).sum((2, 3))
    either = ((found + target - found * target) * cells).sum((2, 3))
    return cross_entropy(maps, target, cells, peak, gamma) - torch.log((both + 1) / (either + 1))


BY_NAME: dict[str, ByMap] = {
    "squared": squared,
    "cross_entropy": cross_entropy,
    "focal": focal,
    "soft_iou": soft_iou,
}
