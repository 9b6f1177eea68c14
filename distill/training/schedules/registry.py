"""The schedules by name, and what each of them is."""

from abc import ABC, abstractmethod
from typing import Any

from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.registry import Registry, option_names

SCHEDULES = Registry("schedule", "distill.training.schedules")


class Schedule(ABC):
    """The learning rate of every step; each file of this package enters one in `SCHEDULES`.

    The fields of a dataclass that extends this one are its options; one called `steps` is the whole training's unless
    somebody says otherwise. One that is no closed function of the step keeps what it remembers in `state`, which
    checkpoints hold.
    """

    @abstractmethod
    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""

    def ends_cycle(self, step: int) -> bool:
        """Whether a step is the last of a cycle, after which a checkpoint is kept."""
        return False

    def observe(self, step: int, metrics: dict[str, float]):
        """Hear the figures of a minival after so many steps."""
        return None

    def state(self) -> dict[str, Any]:
        """What it remembers, as JSON values."""
        return {}

    def restore(self, state: dict[str, Any]):
        """Go back to what `state` gave."""
        return None


def over(choice: Choice, steps: int) -> Choice:
    """The choice of a schedule with the length of the training, where the schedule has a length and none is given."""
    if "steps" in option_names(SCHEDULES.get(choice.name)):
        return Choice(choice.name, {"steps": steps} | choice.options)
    return choice


def warming(step: int, warmup: int) -> float:
    """Factor of a rate that rises linearly in the first `warmup` steps."""
    return min(1.0, (step + 1) / (warmup + 1))


def check_rates(peak: float, floor: float):
    """Refuse rates that no schedule takes.

    Raises:
        InputError: they are out of range.
    """
    if not 0 <= floor <= peak or peak == 0:
        raise InputError(f"schedule.peak must be positive and schedule.floor in 0..peak, not {peak} and {floor}")


def check_lengths(*, warmup: int = 0, steps: int = 1):
    """Refuse numbers of steps that no schedule takes.

    Raises:
        InputError: names the setting.
    """
    if warmup < 0:
        raise InputError(f"schedule.warmup must not be negative, not {warmup}")
    if steps < 1:
        raise InputError(f"schedule.steps must be at least 1, not {steps}")
