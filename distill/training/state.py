"""What changes from step to step of a training."""

from dataclasses import dataclass
from pathlib import Path

import torch
from timm.utils import ModelEmaV3
from torch import nn

from distill.networks.checkpoint import CheckpointInfo, load_state
from distill.system.errors import InputError
from distill.training.optimizer import restore_state, state_tensors


@dataclass
class TrainingState:
    """All that changes from step to step."""

    network: nn.Module
    ema: ModelEmaV3
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: float = -1.0

    def tensors(self) -> dict[str, torch.Tensor]:
        """What resuming needs beside the moving average, flat by name."""
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        return tensors | {f"optimizer.{key}": value for key, value in state_tensors(self.optimizer).items()}

    def restore(self, path: Path, info: CheckpointInfo, ema: dict, tensors: dict):
        """Go back to where a checkpoint was written.

        Raises:
            InputError: the checkpoint is of another architecture or was not written for resuming.
        """
        if not tensors:
            raise InputError(f"{path} holds no optimiser state; resume from last.safetensors")
        load_state(self.network, _below("network.", tensors), path)
        load_state(self.ema.module, ema, path)
        restore_state(self.optimizer, _below("optimizer.", tensors))
        self.step, self.best = info.step, info.metrics.get("best_ap", -1.0)


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
