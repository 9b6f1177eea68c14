"""Warm-up, stable, decay: a constant rate, and a short fall whenever a model is wanted."""

import math
from dataclasses import dataclass

from distill.system.errors import InputError
from distill.training.schedules.registry import SCHEDULES, Schedule, check_lengths, check_rates, warming


@SCHEDULES.register("warmup_stable_decay")
@dataclass(frozen=True)
class WarmupStableDecay(Schedule):
    """Hu et al., MiniCPM, 2024: peak after a linear warm-up, and a fall to floor by 1 - sqrt at the end.

    Every training of the same peak is the same one up to where its fall begins.
    """

    peak: float = 0.1
    "Learning rate between warm-up and fall."
    floor: float = 0.0
    "Learning rate after the last step."
    warmup: int = 100
    "Steps in which the rate rises linearly."
    decay: float = 0.2
    "Share of the steps that the fall takes, 0..1."
    steps: int = 10000
    "Length of the whole, steps; by default that of the training."

    def __post_init__(self):
        check_rates(self.peak, self.floor)
        check_lengths(steps=self.steps, warmup=self.warmup)
        if not 0 < self.decay <= 1:
            raise InputError(f"schedule.decay must be above 0 and at most 1, not {self.decay}")

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        length = self.decay * self.steps
        done = min(1.0, max(0.0, (step - self.steps + length) / length))
        return (self.peak + (self.floor - self.peak) * math.sqrt(done)) * warming(step, self.warmup)
