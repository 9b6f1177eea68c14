"""SGDR: cosine cycles with warm restarts."""

import math
from dataclasses import dataclass

from distill.system.errors import InputError
from distill.training.schedules.registry import SCHEDULES, Schedule, check_lengths, check_rates, warming


@SCHEDULES.register("sgdr")
@dataclass(frozen=True)
class Sgdr(Schedule):
    """Cosine cycles with warm restarts (Loshchilov and Hutter, ICLR 2017), after a linear warm-up.

    Cycle i lasts `period * period_growth**i` steps and falls from `peak * peak_growth**i` to
    `floor * floor_growth**i`.
    """

    peak: float = 0.1
    "Learning rate at the start of the first cycle."
    floor: float = 0.0001
    "Learning rate at the end of the first cycle."
    period: int = 1000
    "Length of the first cycle, steps."
    period_growth: float = 2.0
    "Factor from one cycle's length to the next, at least 1."
    peak_growth: float = 1.0
    "Factor from one cycle's peak to the next."
    floor_growth: float = 1.0
    "Factor from one cycle's floor to the next."
    warmup: int = 100
    "Steps in which the rate rises linearly to that of the cosine."

    def __post_init__(self):
        if self.period < 1 or self.period_growth < 1:
            raise InputError("schedule.period and schedule.period_growth must be at least 1")
        check_rates(self.peak, self.floor)
        check_lengths(warmup=self.warmup)
        if self.peak_growth <= 0 or self.floor_growth <= 0:
            raise InputError("schedule.peak_growth and floor_growth must be positive")

    def cycle_at(self, step: int) -> tuple[int, int, int]:
        """Number of the cycle that holds a step, the step it starts at and its length."""
        start, index = 0, 0
        while True:
            length = round(self.period * self.period_growth**index)
            if step < start + length:
                return index, start, length
            start, index = start + length, index + 1

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        index, start, length = self.cycle_at(step)
        peak = self.peak * self.peak_growth**index
        floor = min(self.floor * self.floor_growth**index, peak)
        rate = floor + (peak - floor) * (1 + math.cos(math.pi * (step - start) / length)) / 2
        return rate * warming(step, self.warmup)

    def ends_cycle(self, step: int) -> bool:
        """Whether a step is the last of its cycle."""
        _, start, length = self.cycle_at(step)
        return step == start + length - 1
