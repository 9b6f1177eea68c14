"""The transfer student: a network that knows photographs already, and three deconvolutions."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import nn

from students.backbone import TimmBackbone, initialise
from students.outputs import check_size, output_layers
from students.registry import register

STEPS = 3
"Deconvolutions, from stride 32 to 4."


@register("transfer", outputs=("heatmaps", "tags"))
class TransferStudent(nn.Module):
    """Image (B, 3, H, W) to a dict of maps at stride 4.

    Xiao et al., Simple Baselines for Human Pose Estimation and Tracking, ECCV 2018, on a small backbone. Train it with
    `--freeze backbone` first and at a tenth of the rate then: `distill/recipes/transfer.yaml`.

    Args:
        outputs: channels by output name.
        backbone: timm's name of a network, such as mobilenetv2_100, mobilenetv3_small_100, mobilenetv3_large_100,
            mobilenetv4_conv_small or tf_efficientnet_lite0.
        head: channels of the deconvolutions.
        pretrained: start the backbone from ImageNet weights.

    Raises:
        ValueError: timm knows no such network, or head is not positive.
    """

    stride = 32
    "Height and width of the image must be multiples of this, pixels."

    def __init__(
        self,
        outputs: Mapping[str, int],
        *,
        backbone: str = "tf_efficientnet_lite0",
        head: int = 64,
        pretrained: bool = False,
    ):
        super().__init__()
        if head < 1:
            raise ValueError(f"head must be positive, not {head}")
        self.backbone = TimmBackbone(backbone, pretrained)
        widths = [self.backbone.channels[-1]] + [head] * STEPS
        steps = []
        for inputs, channels in pairwise(widths):
            steps += [nn.ConvTranspose2d(inputs, channels, 4, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        self.deconvolutions = nn.Sequential(*steps)
        initialise(self.deconvolutions)
        self.outputs = output_layers(outputs, head)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        check_size(*images.shape[-2:], self.stride)
        features = self.deconvolutions(self.backbone(images)[-1])
        return {f"{name}_s4": layer(features) for name, layer in self.outputs.items()}
