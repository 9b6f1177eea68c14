"""The U-Net student: an encoder, and a decoder that joins each of its maps by concatenation."""

from collections.abc import Mapping

import torch
from torch import nn

from students.backbone import conv_norm_relu, initialise
from students.outputs import check_size, output_layers
from students.registry import register

CHANNELS = (16, 32, 48, 64, 80)
"Of the encoder at width 1, at strides 2, 4, 8, 16 and 32."


@register("unet", outputs={"heatmaps": {"loss": "soft_iou"}, "tags": {}})
class UNetStudent(nn.Module):
    """Image (B, 3, H, W) to a dict of maps at stride 4 or 2.

    Ronneberger et al., U-Net, MICCAI 2015, with a strided convolution first. Its heatmaps are taught by the soft
    intersection over union unless another loss is chosen; the sigmoid is the output's.

    Args:
        outputs: channels by output name.
        width: factor of all channels.
        output_stride: of the maps, 4 or 2 pixels.

    Raises:
        ValueError: an option is out of range.
    """

    stride = 32
    "Height and width of the image must be multiples of this, pixels."

    def __init__(self, outputs: Mapping[str, int], *, width: float = 1.0, output_stride: int = 4):
        super().__init__()
        if width <= 0:
            raise ValueError(f"width must be positive, not {width}")
        if output_stride not in (2, 4):
            raise ValueError(f"output_stride must be 2 or 4, not {output_stride}")
        self.output_stride = output_stride
        channels = [max(8, round(c * width / 8) * 8) for c in CHANNELS]
        self.down, inputs = nn.ModuleList(), 3
        for outputs_of_step in channels:
            first = conv_norm_relu(inputs, outputs_of_step, stride=2)
            rest = () if inputs == 3 else conv_norm_relu(outputs_of_step, outputs_of_step)
            self.down.append(nn.Sequential(*first, *rest))
            inputs = outputs_of_step
        skips = channels[:-1] if output_stride == 2 else channels[1:-1]
        self.grow, self.join = nn.ModuleList(), nn.ModuleList()
        for skip in reversed(skips):
            self.grow.append(nn.ConvTranspose2d(inputs, skip, 2, 2))
            self.join.append(conv_norm_relu(2 * skip, skip))
            inputs = skip
        initialise(self)
        self.outputs = output_layers(outputs, inputs)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        check_size(*images.shape[-2:], self.stride)
        kept, x = [], images
        for step in self.down:
            x = step(x)
            kept.append(x)
        kept.pop()
        for grow, join in zip(self.grow, self.join, strict=True):
            x = join(torch.cat([grow(x), kept.pop()], dim=1))
        return {f"{name}_s{self.output_stride}": layer(x) for name, layer in self.outputs.items()}
