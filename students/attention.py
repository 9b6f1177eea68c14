"""The student: keypoint maps whose features are gated by a map of where people are."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from students.backbone import conv_norm_relu, initialise, make_backbone
from students.colours import Colours, ColourSpace
from students.necks import Neck
from students.outputs import check_size, start
from students.registry import register

GATES = {"one_plus_sigmoid": 1.0, "sigmoid": 0.0, "none": None}
"What is added to sigmoid(attention) before it multiplies the features; without a gate nothing is multiplied."
Gate = Literal["one_plus_sigmoid", "sigmoid", "none"]

SIZES = {
    "xs": {"backbone": "dense", "width": 1.0, "neck": 32, "head": 32, "depth": 2},
    "s": {"backbone": "mobilenetv4_conv_small", "width": 1.0, "neck": 64, "head": 64, "depth": 3},
    "m": {"backbone": "mobilenetv4_conv_medium", "width": 1.0, "neck": 64, "head": 64, "depth": 2},
    "lite0": {"backbone": "tf_efficientnet_lite0", "width": 1.0, "neck": 64, "head": 64, "depth": 2},
}
"What each size is made of; every value can be set by itself."


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
        neck: from these maps to one of stride 4, with its channels as `width`.
        head: channels of the keypoint branch.
        depth: 3x3 convolutions of the keypoint branch.
        gate: `one_plus_sigmoid` multiplies by 1 + sigmoid(attention), which cannot erase a joint, `sigmoid` by
            sigmoid(attention), `none` not at all. It is kept in the state dict.
        colours: what the backbone sees of a photograph.

    Raises:
        ValueError: the gate is unknown, or an output is called like a part of the network.
    """

    stride = 32
    "Height and width of the image must be multiples of this, pixels."

    def __init__(
        self,
        backbone: nn.Module,
        outputs: Mapping[str, int],
        neck: nn.Module,
        head: int,
        depth: int,
        gate: Gate,
        colours: Colours = "rgb",
    ):
        super().__init__()
        if gate not in GATES:
            raise ValueError(f"gate {gate!r} is unknown; choose from {', '.join(GATES)}")
        self.colours = None if colours == "rgb" else ColourSpace(colours)
        self.backbone, self.neck = backbone, neck
        self.attention, offset = None, None
        if "attention" in outputs:
            last = nn.Conv2d(neck.width // 2, outputs["attention"], 1)
            self.attention = nn.Sequential(conv_norm_relu(neck.width, neck.width // 2), last)
            offset = GATES[gate]
        self.register_buffer("gate_offset", None if offset is None else torch.tensor(offset))
        widths = [neck.width] + [head] * depth
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
            start(name, self.get_submodule(name))
        if self.attention is not None:
            start("attention", self.attention[-1])

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        check_size(*images.shape[-2:], self.stride)
        if self.colours is not None:
            images = self.colours(images)
        if self.backbone.input_channels == 1:
            images = images.mean(1, keepdim=True)
        features = self.neck(self.backbone(images))
        given = {}
        if self.attention is not None:
            given["attention"] = self.attention(features)
            if self.gate_offset is not None:
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
    gate: Gate = "one_plus_sigmoid",
    large_kernel: bool = False,
    colours: Colours = "rgb",
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
        gate: what the attention multiplies the features by: 1 + sigmoid, which cannot erase a joint, sigmoid, or none.
        large_kernel: let the neck end in a 7x7 depthwise and a 1x1 convolution instead of a dense 3x3 one.
        colours: what the backbone sees of a photograph, made of RGB within the graph.
        input_channels: what the backbone sees: 3 for RGB, 1 for grey, which the network makes of RGB by itself.
        pretrained: start a timm backbone from ImageNet weights.

    Raises:
        ValueError: an option does not fit the others.
    """
    given = {"backbone": backbone, "width": width, "neck": neck, "head": head, "depth": depth}
    parts = SIZES[size] | {name: value for name, value in given.items() if value is not None}
    if min(parts["width"], parts["neck"], parts["head"], parts["depth"]) <= 0:
        raise ValueError("width, neck, head and depth must be positive")
    if input_channels == 1 and colours != "rgb":
        raise ValueError(f"grey has no {colours}; set input_channels to 3 or leave colours out")
    body = make_backbone(parts["backbone"], parts["width"], input_channels, pretrained)
    neck = Neck(body.channels, parts["neck"], large_kernel)
    return AttentionStudent(body, outputs, neck, parts["head"], parts["depth"], gate, colours)
