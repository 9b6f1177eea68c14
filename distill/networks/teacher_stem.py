"""A student whose detector first stands on the teacher's stem, and then on one of its own that learnt to replace it.

`distill/recipes/teacher_stem.yaml` imports this module and trains it in three stages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

import teachers
from distill.heads.batch import Batch
from distill.heads.contract import Head, Loss
from distill.heads.registry import HEADS
from distill.networks.checkpoint import load_network
from distill.pose.skeleton import Skeleton
from students.backbone import ResidualBlock, conv_norm, conv_norm_relu, initialise
from students.necks import Neck
from students.outputs import check_size, output_layers
from students.registry import register

TEACHER = Path(teachers.__file__).parent / "weights" / "higher_hrnet_demo.safetensors"
STEM = ("conv1", "bn1", "act1", "conv2", "bn2", "act2", "layer1")
"Of a HigherHRNet, from the image to stride 4."
CHANNELS = (32, 64, 64, 64)
"Of the detector, at strides 4, 8, 16 and 32."


@register("teacher_stem", outputs=("heatmaps", "tags"))
class TeacherStem(nn.Module):
    """Image (B, 3, H, W) to a dict of maps at stride 4, and to `stem_s4` where that is asked for.

    Args:
        outputs: channels by output name; `stem` is by how much the student's stem differs from the teacher's.
        stem: what the detector stands on: the teacher's stem, its own beside the teacher's, or its own alone.
        teacher: checkpoint of a HigherHRNet whose stem that is.
        features: channels of the stems.
    """

    stride = 32

    def __init__(
        self,
        outputs: Mapping[str, int],
        *,
        stem: Literal["teacher", "both", "own"] = "own",
        teacher: Path = TEACHER,
        features: int = 128,
    ):
        super().__init__()
        self.teacher = self.own = None
        if stem != "own":
            # Also where the network is only built for its shapes, on the meta device.
            with torch.device("cpu"):
                network, _ = load_network(Path(teacher))
            self.teacher = nn.Sequential(*(network.get_submodule(name) for name in STEM))
        if stem != "teacher":
            first, second = conv_norm_relu(3, 16, stride=2), conv_norm_relu(16, 32, stride=2)
            last = conv_norm(32, features, 1)
            self.own = nn.Sequential(*first, *second, ResidualBlock(32, 32), *last, nn.ReLU())
            initialise(self.own)
        self.detector = Detector(features)
        self.imitates = "stem" in outputs
        if self.imitates and stem != "both":
            raise ValueError("the output stem compares two stems; set stem to both")
        self.outputs = output_layers({n: c for n, c in outputs.items() if n != "stem"}, CHANNELS[0])

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        check_size(*images.shape[-2:], self.stride)
        features = self.own(images) if self.own is not None else self.teacher(images)
        seen = self.detector(features)
        given = {f"{name}_s4": layer(seen) for name, layer in self.outputs.items()}
        return given | ({"stem_s4": features - self.teacher(images)} if self.imitates else {})


class Detector(nn.Module):
    """A stem's features at stride 4 to (B, 32, H/4, W/4)."""

    def __init__(self, features: int):
        super().__init__()
        self.reduce = conv_norm_relu(features, CHANNELS[0], 1)
        self.stages, inputs = nn.ModuleList(), CHANNELS[0]
        for number, outputs in enumerate(CHANNELS):
            self.stages.append(ResidualBlock(inputs, outputs, 2 if number else 1))
            inputs = outputs
        self.neck = Neck(CHANNELS, CHANNELS[0])
        self.branch = conv_norm_relu(CHANNELS[0], CHANNELS[0])
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, levels = self.reduce(x), []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return self.branch(self.neck(levels))


@HEADS.register("stem")
@dataclass(frozen=True)
class Stem(Head):
    """By how much one stem's features differ from another's."""

    weight: float = 1.0
    "Weight of its loss."
    features: int = 128
    "Channels of the stems."

    meaning = "difference of the student's features from the teacher's"

    def channels(self, skeleton: Skeleton) -> int:
        """Those of the stems."""
        return self.features

    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """`stem`: mean squared difference."""
        return {"stem": Loss(maps.float().square().mean(), self.weight)}
