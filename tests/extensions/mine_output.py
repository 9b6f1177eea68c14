"""An output: where the edges of the photograph are."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from distill.heads.batch import Batch
from distill.heads.contract import Head, Loss
from distill.heads.heatmaps import masks_at
from distill.heads.registry import HEADS
from distill.pose.skeleton import Skeleton


@HEADS.register("inside")
@dataclass(frozen=True)
class Inside(Head):
    """Logits of "this cell shows the photograph"."""

    weight: float = 0.5
    "Weight of its loss."

    meaning = "probability that the cell shows the photograph and not what a letterbox leaves beside it, 0..1"
    activation = staticmethod(torch.sigmoid)

    def channels(self, skeleton: Skeleton) -> int:
        """One."""
        return 1

    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """Binary cross-entropy, mean over all cells."""
        target = masks_at(batch, stride)[:, 3:4]
        return {"inside": Loss(functional.binary_cross_entropy_with_logits(maps, target), self.weight)}
