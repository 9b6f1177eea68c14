"""The PoseNet student: coarse heatmaps, and offsets that say where in between joints are and where the next one is."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from students.backbone import conv_norm_relu, initialise, make_backbone
from students.necks import Neck
from students.outputs import check_size, output_layers
from students.registry import register

STRIDES = (4, 8, 16, 32)
"Of a backbone's maps."


@register(
    "posenet",
    short={f"posenet_s{stride}": {"output_stride": stride} for stride in STRIDES[1:]},
    outputs=("heatmaps", "offsets"),
)
class PoseNetStudent(nn.Module):
    """Image (B, 3, H, W) to a dict of maps at stride 8, 16 or 32.

    Papandreou et al., PersonLab, ECCV 2018, without segmentation: persons are found without tags.

    Args:
        outputs: channels by output name.
        output_stride: of the maps, pixels.
        backbone: dense, or timm's name of a network.
        width: factor of the dense backbone's channels.
        neck: channels of the map that fuses the backbone's from that stride on.
        depth: 3x3 convolutions between it and the outputs.
        pretrained: start a timm backbone from ImageNet weights.

    Raises:
        ValueError: an option does not fit the others.
    """

    stride = 32
    "Height and width of the image must be multiples of this, pixels."

    def __init__(
        self,
        outputs: Mapping[str, int],
        *,
        output_stride: Literal[8, 16, 32] = 8,
        backbone: str = "dense",
        width: float = 1.0,
        neck: int = 64,
        depth: int = 2,
        pretrained: bool = False,
    ):
        super().__init__()
        if min(width, neck) <= 0 or depth < 0:
            raise ValueError("width and neck must be positive, and depth not negative")
        self.output_stride, self.first = output_stride, STRIDES.index(output_stride)
        self.backbone = make_backbone(backbone, width, pretrained=pretrained)
        self.neck = Neck(self.backbone.channels[self.first :], neck)
        self.branch = nn.Sequential(*(conv_norm_relu(a, b) for a, b in pairwise([neck] * (depth + 1))))
        initialise(self.branch)
        self.outputs = output_layers(outputs, neck)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        check_size(*images.shape[-2:], self.stride)
        features = self.branch(self.neck(self.backbone(images)[self.first :]))
        return {f"{name}_s{self.output_stride}": layer(features) for name, layer in self.outputs.items()}
