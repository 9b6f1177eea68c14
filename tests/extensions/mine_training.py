"""A loss, an optimiser and a schedule that remembers something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from distill.heads.batch import Batch
from distill.training.losses.registry import LOSSES
from distill.training.optimizers.registry import OPTIMIZERS
from distill.training.schedules.registry import SCHEDULES, Schedule


@LOSSES.register("small_tags")
def small_tags(outputs: Mapping[str, torch.Tensor], batch: Batch, *, power: float = 2.0) -> torch.Tensor:
    """Mean of the tags' magnitudes.

    Args:
        outputs: maps by key.
        batch: not looked at.
        power: to which they are raised.
    """
    return outputs["tags_s4"].abs().pow(power).mean()


@OPTIMIZERS.register("rmsprop")
def rmsprop(network: nn.Module, *, smoothing: float = 0.9) -> torch.optim.Optimizer:
    """RMSprop.

    Args:
        network: whose parameters it moves.
        smoothing: decay of the mean square, 0..1.
    """
    return torch.optim.RMSprop(network.parameters(), lr=0.0, alpha=smoothing)


@SCHEDULES.register("halving")
@dataclass
class Halving(Schedule):
    """Half the rate after every minival that brings nothing new."""

    start: float = 0.01
    "Learning rate before the first minival."
    best: float = field(default=-1.0, init=False)
    halvings: int = field(default=0, init=False)

    def rate(self, step: int) -> float:
        """The same at every step until a minival changes it."""
        return self.start / 2**self.halvings

    def observe(self, step: int, metrics: dict[str, float]):
        """Count the minivals that brought nothing new."""
        ap = metrics["ap"] or 0.0
        self.halvings += ap <= self.best
        self.best = max(self.best, ap)

    def state(self) -> dict[str, Any]:
        """Best AP and halvings."""
        return {"best": self.best, "halvings": self.halvings}

    def restore(self, state: dict[str, Any]):
        """Go back to what `state` gave."""
        self.best, self.halvings = state["best"], state["halvings"]
