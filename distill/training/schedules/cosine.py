"""Cosine: one fall over the whole training."""

import math
from dataclasses import dataclass

from distill.training.schedules.registry import SCHEDULES, Schedule, check_lengths, check_rates, warming


@SCHEDULES.register("cosine")
@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from peak to floor after a linear warm-up; the floor after the last step.

    SGDR without restarts (Loshchilov and Hutter, ICLR 2017).
    """

    peak: float = 0.1
    "Learning rate after the warm-up."
    floor: float = 0.0001
    "Learning rate after the last step."
    steps: int = 10000
    "Length of the fall, steps; by default that of the training."
    warmup: int = 100
    "Steps in which the rate rises linearly to that of the cosine."

    def __post_init__(self):
        check_rates(self.peak, self.floor)
        check_lengths(steps=self.steps, warmup=self.warmup)

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        done = min(1.0, step / self.steps)
        return (self.floor + (self.peak - self.floor) * (1 + math.cos(math.pi * done)) / 2) * warming(step, self.warmup)
