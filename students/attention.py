"""The student: keypoint maps whose features are gated by a map of where people are."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from students.backbone import DenseBackbone, TimmBackbone, conv_norm_relu, initialise
from students.registry import register

GATES = {"one_plus_sigmoid": 1.0, "sigmoid": 0.0}
"What is added to sigmoid(attention) before it multiplies the features."

SIZES = {
    "xs": {"backbone": "dense", "width": 1.0, "neck": 32, "head": 32, "depth": 2},
    "s": {"backbone": "mobilenetv4_conv_small", "width": 1.0, "neck": 64, "head": 64, "depth": 3},
    "m": {"backbone": "mobilenetv4_conv_medium", "width": 1.0, "neck": 64, "head": 64, "depth": 2},
    "lite0": {"backbone": "tf_efficientnet_lite0", "width": 1.0, "neck": 64, "head": 64, "depth": 2},
}
"What each size is made of; every value can be set by itself."

DENSE = {"stem": 16, "channels": (32, 64, 64, 64), "blocks": (1, 1, 2, 2)}
"The dense backbone at width 1."

SPREAD = {"tags": 0.1}
"Standard deviation of an output's first weights where it is not `_SMALL`: equal tags push each other with no force."
_SMALL = 0.01


class Neck(nn.Module):
    """Top-down fusion: maps at strides 4, 8, 16, 32 to one (B, width, H/4, W/4).

    Lin et al., Feature Pyramid Networks for Object Detection, CVPR 2017, with one smoothing convolution
    at the end of the way.

    Args:
        channels: channels of the maps, finest first.
        width: channels of the result.
    """

    def __init__(self, channels: tuple[int, ...], width: int):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = conv_norm_relu(width, width)
        initialise(self)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        *finer, x = [lateral(f) for lateral, f in zip(self.laterals, features, strict=True)]
        for lateral in reversed(finer):
            x = lateral + functional.interpolate(x, scale_factor=2, mode="bilinear")
        return self.smooth(functional.relu(x))


class AttentionStudent(nn.Module):
    """Bottom-up pose network: image (B, 3, H, W) to a dict of maps at stride 4, linear.

    Each output but the attention is a 1x1 convolution on the keypoint branch: `heatmaps_s4` (B, K, H/4, W/4),
    `tags_s4` one tag a joint (Newell et al., Associative Embedding, NeurIPS 2017), or whatever else is asked for.
    `attention` (B, 1, H/4, W/4) are logits of "a person is here"; where it is among the outputs the keypoint branch
    works on the shared features multiplied by it.

    Args:
        backbone: image to maps at strides 4, 8, 16, 32, with their `channels` and the `input_channels` it takes: 3,
            or 1 for grey, which this network makes of RGB by itself.
        outputs: channels by output name.
        neck: channels of the fused map.
        head: channels of the keypoint branch.
        depth: 3x3 convolutions of the keypoint branch.
        gate: `one_plus_sigmoid` multiplies by 1 + sigmoid(attention), which cannot erase a joint, `sigmoid` by
            sigmoid(attention). It is kept in the state dict.

    Raises:
        ValueError: the gate is unknown, or an output is called like a part of the network.
    """

    stride = 32
    "Height and width of the image must be multiples of this, pixels."

    def __init__(
        self,
        backbone: nn.Module,
        outputs: Mapping[str, int],
        neck: int,
        head: int,
        depth: int,
        gate: str,
    ):
        super().__init__()
        if gate not in GATES:
            raise ValueError(f"gate {gate!r} is unknown; choose from {', '.join(GATES)}")
        self.backbone = backbone
        self.neck = Neck(backbone.channels, neck)
        self.attention = None
        if "attention" in outputs:
            last = nn.Conv2d(neck // 2, outputs["attention"], 1)
            self.attention = nn.Sequential(conv_norm_relu(neck, neck // 2), last)
            self.register_buffer("gate_offset", torch.tensor(GATES[gate]))
        widths = [neck] + [head] * depth
        self.keypoints = nn.Sequential(*(conv_norm_relu(a, b) for a, b in pairwise(widths)))
        self.outputs = tuple(name for name in outputs if name != "attention")
        for name in self.outputs:
            if hasattr(self, name):
                raise ValueError(f"an output of this network cannot be called {name!r}")
            self.add_module(name, nn.Conv2d(head, outputs[name], 1))
        self._initialise_heads()

    def _initialise_heads(self) -> None:
        if self.attention is not None:
            initialise(self.attention)
        initialise(self.keypoints)
        for name in self.outputs:
            _start(self.get_submodule(name), SPREAD.get(name, _SMALL))
        if self.attention is not None:
            _start(self.attention[-1], _SMALL)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        if images.shape[-2] % self.stride or images.shape[-1] % self.stride:
            height, width = images.shape[-2:]
            raise ValueError(f"image size {width}x{height} must be multiples of {self.stride}")
        if self.backbone.input_channels == 1:
            images = images.mean(1, keepdim=True)
        features = self.neck(self.backbone(images))
        given = {}
        if self.attention is not None:
            given["attention"] = self.attention(features)
            features = features * (self.gate_offset + given["attention"].sigmoid())
        features = self.keypoints(features)
        return {f"{name}_s4": self.get_submodule(name)(features) for name in self.outputs} | given


@register(
    "attention",
    short={f"attention_{size}": {"size": size} for size in SIZES},
    outputs=("heatmaps", "tags", "attention"),
)
def attention(
    outputs: Mapping[str, int],
    *,
    size: Literal["xs", "s", "m", "lite0"] = "xs",
    backbone: str | None = None,
    width: float | None = None,
    neck: int | None = None,
    head: int | None = None,
    depth: int | None = None,
    gate: Literal["one_plus_sigmoid", "sigmoid"] = "one_plus_sigmoid",
    input_channels: Literal[1, 3] = 3,
    pretrained: bool = False,
) -> AttentionStudent:
    """A segmentation-attention student.

    Args:
        outputs: channels by output name.
        size: what the options below are where they are not given.
        backbone: dense, or timm's name of a network.
        width: factor of the dense backbone's channels.
        neck: channels of the map that fuses the backbone's.
        head: channels of the keypoint branch.
        depth: 3x3 convolutions of the keypoint branch.
        gate: what the attention multiplies the features by: 1 + sigmoid, which cannot erase a joint, or sigmoid.
        input_channels: what the backbone sees: 3 for RGB, 1 for grey, which the network makes of RGB by itself.
        pretrained: start a timm backbone from ImageNet weights.

    Raises:
        ValueError: an option does not fit the others.
    """
    given = {"backbone": backbone, "width": width, "neck": neck, "head": head, "depth": depth}
    parts = SIZES[size] | {name: value for name, value in given.items() if value is not None}
    if min(parts["width"], parts["neck"], parts["head"], parts["depth"]) <= 0:
        raise ValueError("width, neck, head and depth must be positive")
    body = _backbone(parts["backbone"], parts["width"], input_channels, pretrained)
    return AttentionStudent(body, outputs, parts["neck"], parts["head"], parts["depth"], gate)


def _backbone(name: str, width: float, input_channels: int, pretrained: bool) -> nn.Module:
    if name == "dense":
        if pretrained:
            raise ValueError("the dense backbone has no ImageNet weights; leave pretrained out")
        channels = tuple(max(8, round(c * width / 8) * 8) for c in DENSE["channels"])
        stem = max(8, round(DENSE["stem"] * width / 8) * 8)
        return DenseBackbone(stem, channels, DENSE["blocks"], input_channels)
    if width != 1:
        raise ValueError("width is of the dense backbone; choose another timm network instead")
    return TimmBackbone(name, pretrained, input_channels)


def _start(layer: nn.Conv2d, deviation: float) -> None:
    """First weights of an output: maps start near their empty background."""
    nn.init.normal_(layer.weight, std=deviation)
    nn.init.zeros_(layer.bias)
