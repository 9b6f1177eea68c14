"""Plateau: less whenever the minival stops rising."""

from dataclasses import dataclass, field
from typing import Any

from distill.system.errors import InputError
from distill.training.schedules.registry import SCHEDULES, Schedule, check_lengths, check_rates, warming


@SCHEDULES.register("plateau")
@dataclass
class Plateau(Schedule):
    """A constant rate, multiplied by `factor` after so many minivals without a better AP; it needs minivals."""

    peak: float = 0.1
    "Learning rate after the warm-up."
    floor: float = 0.0001
    "Lowest learning rate."
    factor: float = 0.5
    "What the rate is multiplied by, above 0 and below 1."
    patience: int = 1
    "Minivals in a row without a better AP from which the rate falls."
    warmup: int = 100
    "Steps in which the rate rises linearly."
    best: float = field(default=-1.0, init=False)
    idle: int = field(default=0, init=False)
    falls: int = field(default=0, init=False)

    def __post_init__(self):
        check_rates(self.peak, self.floor)
        check_lengths(warmup=self.warmup)
        if not 0 < self.factor < 1:
            raise InputError(f"schedule.factor must be above 0 and below 1, not {self.factor}")
        if self.patience < 1:
            raise InputError(f"schedule.patience must be at least 1, not {self.patience}")

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0; the same at every step until a minival changes it."""
        return max(self.floor, self.peak * self.factor**self.falls) * warming(step, self.warmup)

    def observe(self, step: int, metrics: dict[str, float]):
        """Count the minivals in a row that brought nothing better."""
        ap = metrics["ap"] or 0.0
        self.idle = 0 if ap > self.best else self.idle + 1
        self.best = max(self.best, ap)
        if self.idle >= self.patience:
            self.falls, self.idle = self.falls + 1, 0

    def state(self) -> dict[str, Any]:
        """Best AP, minivals since, and falls so far."""
        return {"best": self.best, "idle": self.idle, "falls": self.falls}

    def restore(self, state: dict[str, Any]):
        """Go back to what `state` gave."""
        self.best, self.idle, self.falls = state["best"], state["idle"], state["falls"]
