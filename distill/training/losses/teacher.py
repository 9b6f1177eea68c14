"""The teacher in the loop: its own maps of the very crop that the student sees, without a store."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from distill.data.normalise import normalise
from distill.heads.batch import Batch
from distill.heads.contract import Head, split_key
from distill.heads.heatmaps import SIGMA
from distill.heads.maps import activated, at_finest
from distill.networks.checkpoint import load_network
from distill.system.errors import InputError
from distill.training.losses.registry import LOSSES


@LOSSES.register("teacher")
def teacher(outputs: Mapping[str, torch.Tensor], batch: Batch, *, weights: Path, enlarge: float = 1.0) -> torch.Tensor:
    """Squared error between the student's heatmaps and a teacher's, in units of one peak of a cell's width.

    Unlike the peaks of a store these are the teacher's whole maps, of the augmented crop, every cell of them, since the
    teacher sees its padding too; each step pays for the teacher. It is for comparison: set `loss.alpha` to 0, and the
    weight to what the soft labels should have.

    Args:
        outputs: maps by key.
        batch: whose images the teacher looks at.
        weights: the teacher, a checkpoint of distill-train with heatmaps of the same joints.
        enlarge: times that the teacher's input is larger than the student's.

    Raises:
        InputError: the teacher cannot be read, or does not fit the student.
    """
    network, heads = loaded(Path(weights), batch.images.device)
    if "heatmaps" not in heads:
        raise InputError(f"loss teacher: {weights} gives no heatmaps")
    with torch.no_grad():
        found = at_finest(activated(network(seen_by(batch, enlarge)), heads))["heatmaps"]
    parts = []
    for key, maps in outputs.items():
        if split_key(key)[0] != "heatmaps":
            continue
        if maps.shape[1] != found.shape[1]:
            raise InputError(f"loss teacher: {weights} has {found.shape[1]} joints, the student {maps.shape[1]}")
        target = functional.interpolate(found, size=maps.shape[-2:], mode="bilinear", antialias=True)
        peak = 2 * torch.pi * SIGMA**2
        parts.append(((maps - target) ** 2).sum() / (peak * maps.shape[0] * maps.shape[1]))
    if not parts:
        raise InputError("loss teacher needs a student with heatmaps")
    return torch.stack(parts).mean()


def seen_by(batch: Batch, enlarge: float) -> torch.Tensor:
    """What a teacher is given of a batch: its images (B, 3, H, W), normalised, so many times as large."""
    images = normalise(batch.images)
    height, width = (round(side * enlarge / 32) * 32 for side in images.shape[-2:])
    return functional.interpolate(images, size=(height, width), mode="bilinear", antialias=enlarge < 1)


@cache
def loaded(weights: Path, device: torch.device) -> tuple[nn.Module, dict[str, Head]]:
    """A teacher that does not learn, and what it gives."""
    network, info = load_network(weights)
    network = network.requires_grad_(False).to(device, memory_format=torch.channels_last)
    return network.eval(), info.heads
