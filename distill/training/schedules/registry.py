"""The schedules by name, and what each of them is."""

from abc import ABC, abstractmethod
from typing import Any

from distill.system.registry import Registry

SCHEDULES = Registry("schedule", "distill.training.schedules")


class Schedule(ABC):
    """The learning rate of every step; each file of this package enters one in `SCHEDULES`.

    The fields of a dataclass that extends this one are its options. One that is no closed function of the step keeps
    what it remembers in `state`, which checkpoints hold.
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
