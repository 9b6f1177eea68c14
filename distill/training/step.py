"""One optimiser step, from batches to moved weights."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import nn

from distill.data.normalise import normalise
from distill.heads.batch import Batch
from distill.heads.maps import of_last_stage
from distill.training.objective import Objective, total


@dataclass(frozen=True)
class StepResult:
    """What a step leaves to be looked at."""

    losses: dict[str, torch.Tensor]
    "Losses of this process's part of the step by name, not weighted, and their weighted sum as `total`."
    batch: Batch
    "The last micro-batch."
    outputs: dict[str, torch.Tensor]
    "The network's maps of it."


def gradients(
    network: nn.Module, objective: Objective, batches: Iterator[Batch], accelerator: Accelerator, done: float = 0.0
) -> StepResult:
    """Add up the gradients of one step's micro-batches, so that they are those of the whole batch.

    What a loss is a mean over is counted over all micro-batches of all processes before the first of them goes
    through the network.

    Args:
        network: as the accelerator prepared it.
        batches: of which one step takes `accelerator.gradient_accumulation_steps`.
        done: share of the training's steps that is done, 0..1.
    """
    parts = [next(batches).to(accelerator.device) for _ in range(accelerator.gradient_accumulation_steps)]
    counts = _shared(objective.counts(parts), len(parts), accelerator)
    sums: dict[str, torch.Tensor] = {}
    for batch in parts:
        with accelerator.accumulate(network):
            outputs = network(normalise(batch.images).contiguous(memory_format=torch.channels_last))
            losses = objective.losses(outputs, batch, counts, done)
            whole = total(losses)
            accelerator.backward(whole)
        values = {name: loss.value for name, loss in losses.items()} | {"total": whole}
        sums = {name: sums.get(name, 0) + value.detach() / len(parts) for name, value in values.items()}
    return StepResult(sums, batch, of_last_stage(outputs))


def _shared(counts: dict[str, torch.Tensor], num_parts: int, accelerator: Accelerator) -> dict[str, torch.Tensor]:
    """Counts of the whole step, at least one, as each micro-batch of each process divides by them.

    Gradients are averaged over micro-batches and processes, so that losses divided by a mean count add up.
    """
    if not counts:
        return {}
    whole = accelerator.reduce(torch.stack(list(counts.values()))).clamp(min=1)
    return dict(zip(counts, whole / (num_parts * accelerator.num_processes), strict=True))
