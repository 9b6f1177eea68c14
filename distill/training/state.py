"""What changes from step to step of a training."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    measured: int = 0
    "Step of the last minival."

    def tensors(self) -> dict[str, torch.Tensor]:
        """What resuming needs beside the moving average, flat by name."""
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        return tensors | {f"optimizer.{key}": value for key, value in _optimizer_tensors(self.optimizer).items()}

    def optimizer_values(self) -> dict[str, Any]:
        """What the optimiser remembers beside tensors, as JSON values: by parameter, and by group of parameters.

        Raises:
            InputError: it remembers something that JSON does not know.
        """
        state = self.optimizer.state_dict()
        values = {"state": {str(index): _values(slots) for index, slots in state["state"].items()}}
        values["groups"] = [_values(group) for group in state["param_groups"]]
        try:
            return json.loads(json.dumps(values))
        except TypeError as error:
            raise InputError(f"this optimiser cannot be resumed, so nothing is written: {error}") from None

    def restore(self, path: Path, info: CheckpointInfo, ema: dict, tensors: dict):
        """Go back to where a checkpoint was written.

        Raises:
            InputError: the checkpoint is of another architecture or was not written for resuming.
        """
        if not tensors:
            raise InputError(f"{path} holds no optimiser state; resume from last.safetensors")
        load_state(self.network, _below("network.", tensors), path)
        load_state(self.ema.module, ema, path)
        _restore_optimizer(self.optimizer, _below("optimizer.", tensors), info.optimizer)
        self.schedule.restore(info.schedule)
        self.step, self.best = info.step, info.metrics.get("best_ap", -1.0)
        self.measured = int(info.metrics.get("measured_step", info.step))


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """All that an optimiser remembers, as `INDEX.SLOT`."""
    return {
        f"{index}.{slot}": value
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
        if isinstance(value, torch.Tensor)
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor], values: dict[str, Any]):
    state = optimizer.state_dict()
    for index, slots in values.get("state", {}).items():
        state["state"].setdefault(int(index), {}).update(slots)
    for group, remembered in zip(state["param_groups"], values.get("groups", []), strict=False):
        # JSON knows no tuples, such as a pair of betas.
        group |= {k: tuple(v) if isinstance(group.get(k), tuple) else v for k, v in remembered.items()}
    for key, value in tensors.items():
        index, slot = key.split(".")
        state["state"].setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict(state)


def _values(slots: Mapping[str, Any]) -> dict[str, Any]:
    """What is no tensor, nor set anew before every step."""
    return {k: v for k, v in slots.items() if not isinstance(v, torch.Tensor) and k not in ("lr", "params")}


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
