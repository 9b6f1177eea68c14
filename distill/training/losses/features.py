"""Features of a teacher in the loop: a student's layer that carries what a layer of the teacher's does."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from distill.heads.batch import Batch
from distill.networks.layers import layer_of
from distill.system.errors import InputError
from distill.training.losses.registry import LOSSES
from distill.training.losses.teacher import loaded, seen_by

_RIDGE = 1e-3
"Of the mean variance of the student's channels: keeps channels that are all zero from making the alignment singular."
_LEAST_VARIANCE = 1e-12


@LOSSES.register("features")
def features(
    outputs: Mapping[str, torch.Tensor],
    batch: Batch,
    *,
    weights: Path,
    student_layer: str,
    teacher_layer: str,
    enlarge: float = 1.0,
) -> torch.Tensor:
    """Share of the teacher's features, 0..1, that no 1 x 1 convolution could make of the student's.

    That alignment is not learnt: it is solved for in each batch, over all its cells, so it has no weights to keep and
    is always the best one. Each step pays for the teacher.

    Args:
        outputs: among them what the student's layer gave, by its name.
        batch: whose images the teacher looks at.
        weights: the teacher, a checkpoint of distill-train.
        student_layer: name of a module of the student that gives maps, such as neck.
        teacher_layer: name of a module of the teacher that gives maps, such as deconv_layers.0.
        enlarge: times that the teacher's input is larger than the student's.

    Raises:
        InputError: the teacher cannot be read, or a layer is unknown or gives no maps.
    """
    network, _ = loaded(Path(weights), batch.images.device)
    mine = _maps(outputs.get(student_layer), student_layer)
    theirs = _maps(_given_by(network, teacher_layer, seen_by(batch, enlarge)), teacher_layer)
    theirs = functional.interpolate(theirs, size=mine.shape[-2:], mode="bilinear", antialias=True)
    with torch.autocast(mine.device.type, enabled=False):
        return unexplained(_cells(mine), _cells(theirs))


def unexplained(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Share of the variance of `wanted` (N, D), 0..1, that is left by the best linear map from `given` (N, C)."""
    given, wanted = given - given.mean(dim=0), wanted - wanted.mean(dim=0)
    with torch.no_grad():
        squares = given.T @ given
        ridge = _RIDGE * squares.diagonal().mean() + _LEAST_VARIANCE
        # At the best map the gradient through the map itself is zero, so it may stand as a constant.
        aligned = torch.linalg.solve(squares + ridge * torch.eye(len(squares), device=given.device), given.T @ wanted)
    return ((given @ aligned - wanted) ** 2).sum() / (wanted**2).sum().clamp(min=_LEAST_VARIANCE)


@torch.no_grad()
def _given_by(network: nn.Module, layer: str, images: torch.Tensor) -> object:
    found: list[object] = []
    hook = layer_of(network, layer, "teacher_layer").register_forward_hook(lambda module, args, out: found.append(out))
    try:
        network(images)
    finally:
        hook.remove()
    return found[-1] if found else None


def _maps(value: object, layer: str) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or value.ndim != 4:
        raise InputError(f"loss features: layer {layer} gives no maps (B, C, h, w); name another")
    return value.float()


def _cells(maps: torch.Tensor) -> torch.Tensor:
    """(N, C) of maps (B, C, h, w)."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)
