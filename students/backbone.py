"""Backbones: an image (B, 3, H, W) to feature maps at strides 4, 8, 16 and 32, finest first."""

import timm
import torch
from torch import nn

from students.pretrained import create_timm


def conv_norm(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, groups: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Convolution (padded to keep the grid) and batch normalisation."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


def conv_norm_relu(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, groups: int = 1, dilation: int = 1
) -> nn.Sequential:
    """`conv_norm` followed by a rectifier."""
    layers = conv_norm(inputs, outputs, kernel, stride, groups=groups, dilation=dilation)
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


class ResidualBlock(nn.Module):
    """Two dense 3x3 convolutions beside a shortcut: (B, inputs, H, W) to (B, outputs, H/stride, W/stride).

    The basic block of He et al., Deep Residual Learning for Image Recognition, CVPR 2016.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv1 = conv_norm_relu(inputs, outputs, stride=stride)
        self.conv2 = conv_norm(outputs, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.conv2(self.conv1(x)) + self.shortcut(x))


class DenseBackbone(nn.Module):
    """Residual blocks of dense convolutions: image (B, 3, H, W) to maps at strides 4, 8, 16, 32.

    Dense convolutions on few channels use the matrix units of CPUs, and of phones' int8 delegates, far
    better than depthwise ones with the same number of multiplications.

    Args:
        stem: channels at stride 2.
        channels: channels at strides 4, 8, 16, 32.
        blocks: residual blocks at each of those strides.
        input_channels: channels of the image.
    """

    def __init__(self, stem: int, channels: tuple[int, ...], blocks: tuple[int, ...], input_channels: int = 3):
        super().__init__()
        self.channels, self.input_channels = channels, input_channels
        # At stride 2 every layer costs four times the memory traffic of stride 4: only one is spent there.
        first, second = conv_norm_relu(input_channels, stem, stride=2), conv_norm_relu(stem, channels[0], stride=2)
        self.stem = nn.Sequential(*first, *second)
        self.stages = nn.ModuleList()
        inputs, stride = channels[0], 1
        for outputs, count in zip(channels, blocks, strict=True):
            rest = [ResidualBlock(outputs, outputs) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(ResidualBlock(inputs, outputs, stride), *rest))
            inputs, stride = outputs, 2
        initialise(self)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x = self.stem(images)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class TimmBackbone(nn.Module):
    """A network of timm as a backbone: image (B, 3, H, W) to maps at strides 4, 8, 16, 32.

    Args:
        name: timm's name of the network.
        pretrained: start from ImageNet weights, those of tf_efficientnet_lite0 from the extra `pretrained` where it is
            installed; where they cannot be had a warning says so and the weights are random.
        input_channels: channels of the image.

    Raises:
        ValueError: timm knows no network of that name, or it has no maps at these strides.
    """

    def __init__(self, name: str, pretrained: bool = False, input_channels: int = 3):
        super().__init__()
        if not timm.is_model(name):
            raise ValueError(f"timm has no network {name!r}")
        self.network = create_timm(name, pretrained, input_channels)
        if tuple(self.network.feature_info.reduction()) != (4, 8, 16, 32):
            raise ValueError(f"timm's {name} does not give maps at strides 4, 8, 16 and 32")
        self.channels, self.input_channels = tuple(self.network.feature_info.channels()), input_channels

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return self.network(images)


def initialise(module: nn.Module) -> None:
    """Draw convolution weights for rectifiers (He et al., ICCV 2015) and zero the biases, in place."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


DENSE = {"stem": 16, "channels": (32, 64, 64, 64), "blocks": (1, 1, 2, 2)}
"The dense backbone at width 1."


def make_backbone(name: str, width: float = 1.0, input_channels: int = 3, pretrained: bool = False) -> nn.Module:
    """`dense`, its channels times the width, or a network of timm by its name.

    Raises:
        ValueError: name or options do not fit one another.
    """
    if name == "dense":
        if pretrained:
            raise ValueError("the dense backbone has no ImageNet weights; leave pretrained out")
        channels = tuple(max(8, round(c * width / 8) * 8) for c in DENSE["channels"])
        return DenseBackbone(max(8, round(DENSE["stem"] * width / 8) * 8), channels, DENSE["blocks"], input_channels)
    if width != 1:
        raise ValueError("width is of the dense backbone; choose another timm network instead")
    return TimmBackbone(name, pretrained, input_channels)
