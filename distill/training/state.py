"""What changes from step to step of a training."""

from dataclasses import dataclass
from pathlib import Path

import torch
from timm.utils import ModelEmaV3
from torch import nn

from distill.networks.checkpoint import CheckpointInfo, load_state
from distill.system.errors import InputError
from distill.training.schedules.registry import Schedule


@dataclass
class TrainingState:
    """All that changes from step to step."""

    network: nn.Module
    ema: ModelEmaV3
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    step: int = 0
    best: float = -1.0

    def tensors(self) -> dict[str, torch.Tensor]:
        """What resuming needs beside the moving average, flat by name."""
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        return tensors | {f"optimizer.{key}": value for key, value in _optimizer_tensors(self.optimizer).items()}

    def restore(self, path: Path, info: CheckpointInfo, ema: dict, tensors: dict):
        """Go back to where a checkpoint was written.

        Raises:
            InputError: the checkpoint is of another architecture or was not written for resuming.
        """
        if not tensors:
            raise InputError(f"{path} holds no optimiser state; resume from last.safetensors")
        load_state(self.network, _below("network.", tensors), path)
        load_state(self.ema.module, ema, path)
        _restore_optimizer(self.optimizer, _below("optimizer.", tensors))
        self.schedule.restore(info.schedule)
        self.step, self.best = info.step, info.metrics.get("best_ap", -1.0)


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """All that an optimiser remembers, as `INDEX.SLOT`."""
    return {
        f"{index}.{slot}": value
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
        if isinstance(value, torch.Tensor)
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]):
    state = optimizer.state_dict()
    for key, value in tensors.items():
        index, slot = key.split(".")
        state["state"].setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict(state)


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
