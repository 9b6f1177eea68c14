"""One cycle: up to a high rate, and down far below where it began."""

import math
from dataclasses import dataclass

from distill.system.errors import InputError
from distill.training.schedules.registry import SCHEDULES, Schedule, check_lengths, check_rates


@SCHEDULES.register("one_cycle")
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Smith and Topin, Super-Convergence, 2017: half a cosine from start to peak, then half a cosine to floor."""

    peak: float = 0.1
    "Highest learning rate."
    start: float = 0.004
    "Learning rate of the first step."
    floor: float = 0.000001
    "Learning rate after the last step."
    rise: float = 0.3
    "Share of the steps in which the rate rises, 0..1."
    steps: int = 10000
    "Length of the cycle, steps; by default that of the training."

    def __post_init__(self):
        check_rates(self.peak, self.floor)
        check_lengths(steps=self.steps)
        if not 0 <= self.start <= self.peak:
            raise InputError(f"schedule.start must lie in 0..peak, not {self.start}")
        if not 0 <= self.rise < 1:
            raise InputError(f"schedule.rise must be at least 0 and below 1, not {self.rise}")

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        top = self.rise * self.steps
        if step < top:
            return _between(self.start, self.peak, step / top)
        return _between(self.peak, self.floor, min(1.0, (step - top) / (self.steps - top)))


def _between(first: float, last: float, done: float) -> float:
    """Half a cosine from one rate to another, at a share of the way."""
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
