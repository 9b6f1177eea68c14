"""The student: keypoint heatmaps and tags whose features are gated by a map of where people are."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from students.backbone import conv_norm_relu, initialise

GATES = {"one_plus_sigmoid": 1.0, "sigmoid": 0.0}
"What is added to sigmoid(attention) before it multiplies the features."


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
    """Bottom-up pose network: image (B, 3, H, W) to a dict of maps at stride 4.

    `heatmaps_s4` (B, K, H/4, W/4) linear, `tags_s4` (B, K, H/4, W/4) one tag a joint (Newell et al.,
    Associative Embedding, NeurIPS 2017), `attention` (B, 1, H/4, W/4) logits of "a person is here". The
    keypoint branch works on the shared features multiplied by the attention.

    Args:
        backbone: image to maps at strides 4, 8, 16, 32, with their `channels`.
        num_keypoints: K.
        neck: channels of the fused map.
        head: channels of the keypoint branch.
        depth: 3x3 convolutions of the keypoint branch.
        gate: `one_plus_sigmoid` multiplies by 1 + sigmoid(attention), which cannot erase a joint,
            `sigmoid` by sigmoid(attention). It is kept in the state dict.

    Raises:
        ValueError: the gate is unknown.
    """

    stride = 32
    "Height and width of the image must be multiples of this, pixels."

    def __init__(
        self,
        backbone: nn.Module,
        num_keypoints: int,
        neck: int,
        head: int,
        depth: int,
        gate: str = "one_plus_sigmoid",
    ):
        super().__init__()
        if gate not in GATES:
            raise ValueError(f"gate {gate!r} is unknown; choose from {', '.join(GATES)}")
        self.backbone = backbone
        self.neck = Neck(backbone.channels, neck)
        self.attention = nn.Sequential(conv_norm_relu(neck, neck // 2), nn.Conv2d(neck // 2, 1, 1))
        widths = [neck] + [head] * depth
        self.keypoints = nn.Sequential(*(conv_norm_relu(a, b) for a, b in pairwise(widths)))
        self.heatmaps = nn.Conv2d(head, num_keypoints, 1)
        self.tags = nn.Conv2d(head, num_keypoints, 1)
        self.register_buffer("gate_offset", torch.tensor(GATES[gate]))
        self._initialise_heads()

    def _initialise_heads(self) -> None:
        initialise(self.attention)
        initialise(self.keypoints)
        # Heatmaps start near their empty background; tags start spread out, for equal tags of two
        # persons push each other with no force.
        for layer, deviation in ((self.heatmaps, 0.01), (self.tags, 0.1), (self.attention[-1], 0.01)):
            nn.init.normal_(layer.weight, std=deviation)
            nn.init.zeros_(layer.bias)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        if images.shape[-2] % self.stride or images.shape[-1] % self.stride:
            height, width = images.shape[-2:]
            raise ValueError(f"image size {width}x{height} must be multiples of {self.stride}")
        features = self.neck(self.backbone(images))
        attention = self.attention(features)
        gated = self.keypoints(features * (self.gate_offset + attention.sigmoid()))
        return {"heatmaps_s4": self.heatmaps(gated), "tags_s4": self.tags(gated), "attention": attention}
