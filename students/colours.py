"""What a network sees of a photograph: its RGB, hue, saturation and value, CIE L*a*b*, or grey; all within the graph.

Photographs come normalised by ImageNet's mean and standard deviation, whatever a network makes of them.
"""

from typing import Literal

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

Colours = Literal["rgb", "hsv", "lab"]

_TINY = 1e-6
_LINEAR_BELOW, _LINEAR_SLOPE = 0.04045, 12.92
"Of sRGB: values up to here are straight, IEC 61966-2-1."
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
"Linear sRGB to XYZ."
_WHITE = (0.95047, 1.0, 1.08883)
"XYZ of the white D65."
_CUBE_ABOVE = (6 / 29) ** 3


class ColourSpace(nn.Module):
    """Normalised RGB (B, 3, H, W) to another colour space, each channel about -1..1.

    Args:
        colours: `hsv` gives hue as a fraction of the circle, saturation and value; `lab` CIE L*a*b* of the white D65
            (L / 50 - 1, a / 110, b / 110).
    """

    def __init__(self, colours: Colours):
        super().__init__()
        self.colours = colours
        self.register_buffer("mean", torch.tensor(IMAGENET_DEFAULT_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_DEFAULT_STD).view(1, 3, 1, 1), persistent=False)
        to_xyz = torch.tensor(_TO_XYZ) / torch.tensor(_WHITE)[:, None]
        self.register_buffer("to_xyz", to_xyz.view(3, 3, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rgb = (images.float() * self.std + self.mean).clamp(0, 1)
        return _hsv(rgb) if self.colours == "hsv" else self._lab(rgb)

    def _lab(self, rgb: torch.Tensor) -> torch.Tensor:
        bright = ((rgb + 0.055) / 1.055).clamp(min=_TINY) ** 2.4
        linear = torch.where(rgb > _LINEAR_BELOW, bright, rgb / _LINEAR_SLOPE)
        xyz = nn.functional.conv2d(linear, self.to_xyz)
        cube = xyz.clamp(min=_CUBE_ABOVE) ** (1 / 3)
        x, y, z = torch.where(xyz > _CUBE_ABOVE, cube, xyz * (841 / 108) + 4 / 29).split(1, dim=1)
        return torch.cat([(116 * y - 16) / 50 - 1, 500 * (x - y) / 110, 200 * (y - z) / 110], dim=1)


def _hsv(rgb: torch.Tensor) -> torch.Tensor:
    red, green, blue = rgb.split(1, dim=1)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    safe = chroma.clamp(min=_TINY)
    from_red = (green - blue) / safe
    sextant = torch.where(
        value == red,
        torch.where(from_red < 0, from_red + 6, from_red),
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = torch.where(chroma > _TINY, sextant / 6, torch.zeros_like(sextant))
    return torch.cat([hue, chroma / value.clamp(min=_TINY), value], dim=1) * 2 - 1
