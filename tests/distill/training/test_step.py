"""One step: micro-batches of any content add up to the whole batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from distill.data.augment import AugmentConfig
from distill.data.loader import collate
from distill.data.samples import Sample
from distill.heads.batch import Batch
from distill.networks.registry import heads_of, strides_of
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.training.objective import LossConfig, Objective
from distill.training.step import gradients
from distill.training.trainer import Trainer

SIDE = 64
CROWD, NOBODY, PAIR = 6, 0, 2


def sample_of(number: int, persons: int) -> Sample:
    """Noise with so many persons whose joints lie anywhere; the more, the less of the attention is known."""
    rng = np.random.default_rng(number)
    points = rng.uniform(-8, SIDE + 8, (persons, 17, 2))
    masks = np.zeros((SIDE // 2, SIDE // 2, 4), np.uint8)
    masks[..., 0] = 255 * (rng.random((SIDE // 2, SIDE // 2)) < 0.3)
    masks[: 4 * persons, :, 1] = 255
    masks[:, 2 * number :, 3] = 255
    peaks = np.column_stack([rng.integers(0, 17, 9), rng.uniform(0, SIDE, (9, 2)), rng.random(9), np.full(9, 4)])
    return Sample(
        image_id=number,
        image=rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8),
        masks=masks,
        keypoints=np.concatenate([points, np.full((persons, 17, 1), 2)], axis=-1).astype(np.float32),
        persons=np.concatenate([points, np.ones((persons, 17, 1))], axis=-1).astype(np.float32),
        annotated=rng.random(17) < 0.8,
        peaks=peaks.astype(np.float32),
        matrix=np.eye(2, 3),
    )


def parts_of(persons: list[int], accumulate: int) -> list[Batch]:
    """Samples of so many persons each as micro-batches."""
    samples = [sample_of(number, count) for number, count in enumerate(persons)]
    size = len(samples) // accumulate
    return [collate(samples[start : start + size]) for start in range(0, len(samples), size)]


@pytest.fixture(scope="module")
def network(new_network):
    """With frozen normalisation."""
    torch.manual_seed(0)
    return new_network("attention_xs").eval()


def step_of(network: nn.Module, parts: list[Batch]) -> tuple[torch.Tensor, dict[str, float]]:
    """The whole gradient as one row, and the step's losses by name."""
    heads = heads_of(Choice("attention_xs"), {"heatmaps": {"foreground": 5.0}})
    objective = Objective(heads, strides_of(network, heads, COCO_17), LossConfig(alpha=0.4))
    network.zero_grad()
    result = gradients(network, objective, iter(parts), Accelerator(gradient_accumulation_steps=len(parts), cpu=True))
    row = torch.cat([p.grad.flatten() for p in network.parameters()]).double()
    return row, {name: value.item() for name, value in result.losses.items()}


@pytest.mark.parametrize("accumulate", [2, 4])
@pytest.mark.parametrize(
    "persons",
    [[CROWD, NOBODY, NOBODY, NOBODY], [CROWD, NOBODY, PAIR, 1], [NOBODY, 1, 1, CROWD], [NOBODY] * 4],
)
def test_micro_batches_give_gradient_and_losses_of_the_batch(network, accumulate, persons):
    whole, losses = step_of(network, parts_of(persons, 1))
    parts, losses_of_parts = step_of(network, parts_of(persons, accumulate))
    assert (whole - parts).norm() < 1e-5 * whole.norm()
    assert losses_of_parts == pytest.approx(losses, rel=1e-5, abs=1e-9)
    assert {"total", "tag_push", "attention", "heatmap_hard_s4", "heatmap_soft_s4"} <= set(losses)
    assert (losses["tag_push"] > 0) == (max(persons) > 1)


@pytest.mark.parametrize("accumulate", [2, 4])
def test_a_step_of_a_run_moves_the_weights_alike_in_parts(quiet, accumulate):
    moved = []
    for parts in (1, accumulate):
        config = replace(quiet, accumulate=parts, freeze_norm=True, batch_size=8, augment=AugmentConfig())
        trainer = Trainer(config)
        before = torch.cat([p.detach().flatten() for p in trainer.state.network.parameters()])
        trainer._step(trainer._batches(trainer.data), None)
        moved.append(torch.cat([p.detach().flatten() for p in trainer.state.network.parameters()]) - before)
    assert moved[0].norm() > 0
    assert (moved[0] - moved[1]).norm() < 1e-3 * moved[0].norm()
