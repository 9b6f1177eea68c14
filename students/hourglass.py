"""The hourglass student: down to an eighth and up again, of depthwise-separable blocks, once or several times."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from students.backbone import conv_norm, conv_norm_relu, initialise
from students.outputs import check_size, output_layers
from students.registry import register

DEPTH = 3
"Steps down and up."
STACKS = range(1, 5)


class SeparableBlock(nn.Module):
    """Two depthwise 3x3 convolutions, each with a 1x1 one, beside a shortcut: (B, inputs, h, w) to (B, outputs, h, w).

    A 1x1 convolution is the shortcut where channels differ.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.body = nn.Sequential(
            *conv_norm_relu(inputs, inputs, groups=inputs),
            *conv_norm_relu(inputs, outputs, 1),
            *conv_norm_relu(outputs, outputs, groups=outputs),
            *conv_norm(outputs, outputs, 1),
        )
        self.shortcut = nn.Identity() if inputs == outputs else conv_norm(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(x) + self.shortcut(x))


class Hourglass(nn.Module):
    """Max-pooled three times, doubled three times, each size joined by a 1x1 skip: (B, width, h, w) to the same.

    Newell et al., Stacked Hourglass Networks, ECCV 2016; h and w must be multiples of 8.
    """

    def __init__(self, width: int):
        super().__init__()
        self.down = nn.ModuleList(SeparableBlock(width, width) for _ in range(DEPTH))
        self.skips = nn.ModuleList(conv_norm(width, width, 1) for _ in range(DEPTH))
        self.bottom = SeparableBlock(width, width)
        self.up = nn.ModuleList(SeparableBlock(width, width) for _ in range(DEPTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for block, skip in zip(self.down, self.skips, strict=True):
            kept.append(skip(x))
            x = block(functional.max_pool2d(x, 2))
        x = self.bottom(x)
        for block, skip in zip(self.up, reversed(kept), strict=True):
            x = block(functional.interpolate(x, scale_factor=2, mode="nearest") + skip)
        return x


@register("hourglass", short={f"hourglass_{n}": {"stacks": n} for n in STACKS}, outputs=("heatmaps", "tags"))
class HourglassStudent(nn.Module):
    """Image (B, 3, H, W) to a dict of maps at stride 4, by stacked hourglasses.

    While it learns, each earlier stack's maps come too, as NAME_s4@STACK, and are supervised like the last one's.

    Args:
        outputs: channels by output name.
        stacks: hourglasses one behind the other, 1 to 4.
        width: channels everywhere.
        dropout: share of the features that each output does without while it learns, 0..1.

    Raises:
        ValueError: an option is out of range.
    """

    stride = 4 * 2**DEPTH
    "Height and width of the image must be multiples of this, pixels."

    def __init__(self, outputs: Mapping[str, int], *, stacks: int = 1, width: int = 32, dropout: float = 0.1):
        super().__init__()
        if stacks not in STACKS:
            raise ValueError(f"stacks must be 1 to 4, not {stacks}")
        if width < 1:
            raise ValueError(f"width must be positive, not {width}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {dropout}")
        self.stem = nn.Sequential(*conv_norm_relu(3, width, 7, 2), nn.MaxPool2d(2), SeparableBlock(width, width))
        self.stacks = nn.ModuleList(Hourglass(width) for _ in range(stacks))
        self.features = nn.ModuleList(
            nn.Sequential(SeparableBlock(width, width), *conv_norm_relu(width, width, 1)) for _ in range(stacks)
        )
        channels = sum(outputs.values())
        self.returns = nn.ModuleList(
            nn.ModuleList([nn.Conv2d(width, width, 1), nn.Conv2d(channels, width, 1)]) for _ in range(stacks - 1)
        )
        self.dropout = nn.Dropout2d(dropout)
        initialise(self)
        self.outputs = nn.ModuleList(output_layers(outputs, width) for _ in range(stacks))

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        check_size(*images.shape[-2:], self.stride)
        x, given = self.stem(images), {}
        last = len(self.stacks) - 1
        for number, (hourglass, features, layers) in enumerate(
            zip(self.stacks, self.features, self.outputs, strict=True)
        ):
            seen = self.dropout(features(hourglass(x)))
            maps = {name: layer(seen) for name, layer in layers.items()}
            if number < last:
                by_features, by_maps = self.returns[number]
                x = x + by_features(seen) + by_maps(torch.cat(list(maps.values()), dim=1))
            if number == last or self.training:
                stage = "" if number == last else f"@{number + 1}"
                given |= {f"{name}_s4{stage}": value for name, value in maps.items()}
        return given
