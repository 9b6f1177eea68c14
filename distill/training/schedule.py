"""Learning-rate schedules as closed functions of the step."""

import math
from dataclasses import dataclass

from distill.system.errors import InputError


@dataclass(frozen=True)
class ScheduleConfig:
    """SGDR: cosine cycles with warm restarts (Loshchilov and Hutter, 2017), after a linear warm-up.

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
        if self.period < 1 or self.period_growth < 1 or self.warmup < 0:
            raise InputError("schedule.period and period_growth must be at least 1 and warmup at least 0")
        if not 0 <= self.floor <= self.peak or self.peak == 0:
            raise InputError("schedule.peak must be positive and schedule.floor in 0..peak")
        if self.peak_growth <= 0 or self.floor_growth <= 0:
            raise InputError("schedule.peak_growth and floor_growth must be positive")


def cycle_at(step: int, config: ScheduleConfig) -> tuple[int, int, int]:
    """Number of the cycle that holds a step, the step it starts at and its length."""
    start, index = 0, 0
    while True:
        length = round(config.period * config.period_growth**index)
        if step < start + length:
            return index, start, length
        start, index = start + length, index + 1


def learning_rate(step: int, config: ScheduleConfig) -> float:
    """Rate of a step, counted from 0."""
    index, start, length = cycle_at(step, config)
    peak = config.peak * config.peak_growth**index
    floor = min(config.floor * config.floor_growth**index, peak)
    rate = floor + (peak - floor) * (1 + math.cos(math.pi * (step - start) / length)) / 2
    return rate * min(1.0, (step + 1) / (config.warmup + 1))


def ends_cycle(step: int, config: ScheduleConfig) -> bool:
    """Whether a step is the last of its cycle."""
    _, start, length = cycle_at(step, config)
    return step == start + length - 1
