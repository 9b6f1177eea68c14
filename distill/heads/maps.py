"""A network's maps at several resolutions as one map of each kind."""

from collections.abc import Mapping

import torch
from torch.nn import functional


def average_resolutions(outputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Heatmaps and tags, each (B, K, h, w) float32, at the finest resolution among a network's heatmaps.

    Heatmaps are the mean over the resolutions, coarser ones resized bilinearly, as in the official test of
    HigherHRNet; tags are resized likewise, and None where the network has none.

    Args:
        outputs: maps by name; `heatmaps_s{stride}` of one stride or several, `tags_s{stride}` of one or none.
    """
    heatmaps = [maps.float() for name, maps in outputs.items() if name.startswith("heatmaps_s")]
    tags = [maps.float() for name, maps in outputs.items() if name.startswith("tags_s")]
    size = max(tuple(maps.shape[-2:]) for maps in heatmaps)
    average = sum(resized(maps, size) for maps in heatmaps) / len(heatmaps)
    return average, resized(tags[0], size) if tags else None


def resized(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps (B, K, h, w) with (height, width) cells, bilinearly."""
    if tuple(maps.shape[-2:]) == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)
