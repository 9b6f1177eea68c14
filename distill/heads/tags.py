"""Tags: numbers that joints of one person share and that differ between persons."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from distill.heads.batch import Batch
from distill.heads.contract import Head, Loss, Persons
from distill.heads.registry import HEADS
from distill.pose.grouping import GroupingConfig, group
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

_TINY = 1e-6


@HEADS.register("tags")
@dataclass(frozen=True)
class Tags(Head):
    """Associative embedding (Newell et al., NeurIPS 2017): one tag a joint, taught by the annotated persons, or the
    teacher's where nobody annotated, by their confidence."""

    pull: float = 0.1
    "Weight of pulling a person's tags together."
    push: float = 0.1
    "Weight of pushing the tags of different persons of a photograph apart."

    meaning = (
        "number that joints of one person share and that differs between persons; channel k belongs to joint k "
        "and is meaningful where its heatmap has a peak"
    )
    decodes = ("heatmaps", "tags")

    def __post_init__(self):
        if self.pull < 0 or self.push < 0:
            raise InputError("outputs.tags.pull and outputs.tags.push must not be negative")

    def channels(self, skeleton: Skeleton) -> int:
        """One for each joint."""
        return len(skeleton)

    def counts(self, batch: Batch, stride: int) -> dict[str, torch.Tensor]:
        """Persons with a joint inside the input, by their confidence, and photographs with two of them."""
        persons = _person_weights(_weights(batch))
        return {"tag_pull": persons.sum(), "tag_push": ((persons > 0).sum(-1) > 1).sum()}

    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """`tag_pull`: mean over persons of the mean squared distance of their tags to their mean tag.
        `tag_push`: mean over photographs of the mean over pairs of persons of exp(-(difference of mean tags)^2).
        All means but that over photographs are weighted by confidence: joints by their own, persons by their joints'
        mean.
        """
        spread, closeness = self._spread_and_closeness(maps, batch, stride)
        return {
            "tag_pull": Loss(spread.sum() / counts["tag_pull"], self.pull),
            "tag_push": Loss(closeness.sum() / counts["tag_push"], self.push),
        }

    def combined(self, direct: torch.Tensor, mirrored: torch.Tensor | None, flip_index: torch.Tensor) -> torch.Tensor:
        """(B, K, H, W, T): one tag of each view."""
        views = [direct] if mirrored is None else [direct, mirrored[:, flip_index]]
        return torch.stack(views, dim=-1)

    def persons(self, maps: Mapping[str, np.ndarray], skeleton: Skeleton, grouping: GroupingConfig) -> Persons:
        """People by grouping peaks of like tags; see `distill.pose.grouping.group`."""
        return group(maps["heatmaps"], maps["tags"], skeleton, grouping)

    def _spread_and_closeness(self, tags: torch.Tensor, batch: Batch, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted spread of each person's tags (B, P), and of each photograph its pairs' mean closeness (B,)."""
        _, joints, height, width = tags.shape
        cells = batch.persons[..., :2] / stride
        column, row = cells[..., 0].long().clamp(0, width - 1), cells[..., 1].long().clamp(0, height - 1)
        cell = (torch.arange(joints, device=tags.device) * height + row) * width + column
        values = tags.flatten(1).gather(1, cell.flatten(1)).view(cell.shape)
        weights = _weights(batch)
        persons = _person_weights(weights)
        total = weights.sum(-1).clamp(min=_TINY)
        mean = (values * weights).sum(-1) / total
        spread = ((values - mean[..., None]) ** 2 * weights).sum(-1) / total * persons
        pairs = (persons[:, :, None] * persons[:, None, :]).triu(1)
        closeness = torch.exp(-((mean[:, :, None] - mean[:, None, :]) ** 2)) * pairs
        return spread, closeness.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=_TINY)


def _weights(batch: Batch) -> torch.Tensor:
    """(B, P, K) confidence of the joints that lie inside the network's input, 0 of the others."""
    x, y, confidence = batch.persons.unbind(-1)
    height, width = batch.images.shape[1:3]
    return confidence * ((x >= 0) & (y >= 0) & (x < width) & (y < height))


def _person_weights(weights: torch.Tensor) -> torch.Tensor:
    """(B, P) mean confidence of each person's joints inside, of weights (B, P, K)."""
    return weights.sum(-1) / (weights > 0).sum(-1).clamp(min=1)
