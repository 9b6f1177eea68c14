"""A student: a few convolutions, every output at stride 4."""

from collections.abc import Mapping

import torch
from torch import nn

from students.registry import register


@register("mine", short={"mine_wide": {"width": 16}}, outputs=("heatmaps", "tags"))
class MyStudent(nn.Module):
    """Two strided convolutions and one more for each output.

    Args:
        outputs: channels by output name.
        width: channels between.
    """

    def __init__(self, outputs: Mapping[str, int], *, width: int = 8):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1), nn.ReLU()),
        )
        self.heads = nn.ModuleDict({name: nn.Conv2d(width, channels, 1) for name, channels in outputs.items()})

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.body(images)
        return {f"{name}_s4": head(features) for name, head in self.heads.items()}
