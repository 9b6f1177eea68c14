"""Attention: where people are, as the segmentation of the data set shows them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from distill.heads.batch import Batch
from distill.heads.contract import Head, Loss
from distill.heads.heatmaps import masks_at
from distill.heads.registry import HEADS
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError


@HEADS.register("attention")
@dataclass(frozen=True)
class Attention(Head):
    """Logits of "a person covers the cell", taught by every known outline, and not at all where it is unknown."""

    weight: float = 0.1
    "Weight of its loss."

    meaning = "probability that a person covers the cell, 0..1"
    activation = staticmethod(torch.sigmoid)

    def __post_init__(self):
        if self.weight < 0:
            raise InputError("outputs.attention.weight must not be negative")

    def channels(self, skeleton: Skeleton) -> int:
        """One, whatever the skeleton."""
        return 1

    def counts(self, batch: Batch, stride: int) -> dict[str, torch.Tensor]:
        """Cells where it is known whether a person is there."""
        return {"attention": _is_known(masks_at(batch, stride)).sum()}

    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """`attention`: binary cross-entropy, mean over the known cells."""
        masks = masks_at(batch, stride)
        loss = functional.binary_cross_entropy_with_logits(maps, masks[:, 0:1], reduction="none")
        return {"attention": Loss((loss * _is_known(masks)).sum() / counts["attention"], self.weight)}


def _is_known(masks: torch.Tensor) -> torch.Tensor:
    return (masks[:, 1:2] < 0.5).float()
