"""Maps of several resolutions as one."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from distill.heads.contract import Head, split_key, split_stage


def at_finest(outputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A network's maps (B, C, h, w) float32 by output name, all at the finest resolution of its heatmaps.

    An output of several strides is the mean over them; what is coarser is resized bilinearly.

    Args:
        outputs: maps by key, such as heatmaps_s4, heatmaps_s2, tags_s4.
    """
    by_name: dict[str, list[torch.Tensor]] = {}
    for key, maps in outputs.items():
        by_name.setdefault(split_key(key)[0], []).append(maps.float())
    leading = by_name.get("heatmaps") or next(iter(by_name.values()))
    size = max(tuple(maps.shape[-2:]) for maps in leading)
    return {name: sum(_resized(maps, size) for maps in several) / len(several) for name, several in by_name.items()}


def average_resolutions(outputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Heatmaps and tags of a network as `at_finest` gives them; None for tags that it has not."""
    maps = at_finest(outputs)
    return maps["heatmaps"], maps.get("tags")


def of_last_stage(outputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A learning network's maps by key without those of earlier stages."""
    return {key: maps for key, maps in outputs.items() if split_stage(key)[1] is None}


def activated(outputs: Mapping[str, torch.Tensor], heads: Mapping[str, Head]) -> dict[str, torch.Tensor]:
    """A network's maps by key as their heads' meanings have them: probabilities where it gives logits."""
    given = {}
    for key, maps in outputs.items():
        activation = heads[split_key(key)[0]].activation
        given[key] = maps if activation is None else activation(maps)
    return given


class Activated(nn.Module):
    """A network whose maps are as their heads' meanings have them."""

    def __init__(self, network: nn.Module, heads: Mapping[str, Head]):
        super().__init__()
        self.network, self.heads = network, dict(heads)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return activated(self.network(images), self.heads)


def _resized(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if tuple(maps.shape[-2:]) == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)
