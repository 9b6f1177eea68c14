"""HigherHRNet: heatmaps at a quarter and half of the input's resolution, and tags."""

from collections.abc import Mapping

import torch
from timm.models.hrnet import HighResolutionNet
from timm.models.resnet import BasicBlock
from torch import nn

from teachers.registry import SHORT, register_network


class HigherHRNet(HighResolutionNet):
    """Bottom-up pose network: image (B, 3, H, W) to a dict of maps.

    `heatmaps_s4` (B, K, H/4, W/4), `tags_s4` (B, T, H/4, W/4) if T > 0, `heatmaps_s2` (B, K, H/2, W/2). Cheng et
    al., HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation, CVPR 2020,
    on timm's HRNet. Modules have the names of the published checkpoints. H and W are multiples of 32.

    Args:
        width: channels of the finest branch; the others have 2, 4 and 8 times as many. Published: 32, 48.
        num_keypoints: K.
        num_tags: T, by default K; 0 for a network without tags.
        bottlenecks: residual blocks of the first stage.
        bottleneck_width: inner channels of these; they give 4 times as many.
        modules: exchange modules of the second, third and fourth stage.
        blocks: residual blocks of each branch between two exchanges, and after the deconvolution.
    """

    stride = 32
    "Height and width of the image must be multiples of this, pixels."

    def __init__(
        self,
        width: int = 32,
        num_keypoints: int = 17,
        *,
        num_tags: int | None = None,
        bottlenecks: int = 4,
        bottleneck_width: int = 64,
        modules: tuple[int, int, int] = (1, 4, 3),
        blocks: int = 4,
    ):
        super().__init__(_timm_config(width, bottlenecks, bottleneck_width, modules, blocks), head="")
        self.num_keypoints = num_keypoints
        last = self.stage4[-1]
        last.fuse_layers = last.fuse_layers[:1]
        self.num_tags = num_keypoints if num_tags is None else num_tags
        maps = num_keypoints + self.num_tags
        self.final_layers = nn.ModuleList([nn.Conv2d(width, maps, 1), nn.Conv2d(width, num_keypoints, 1)])
        upsample = nn.Sequential(
            nn.ConvTranspose2d(width + maps, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        refine = (nn.Sequential(BasicBlock(width, width)) for _ in range(blocks))
        self.deconv_layers = nn.ModuleList([nn.Sequential(upsample, *refine)])
        for head in self.final_layers:
            nn.init.normal_(head.weight, std=0.001)
            nn.init.zeros_(head.bias)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.forward_features(images)[0]
        coarse = self.final_layers[0](features)
        fine = self.final_layers[1](self.deconv_layers[0](torch.cat([features, coarse], dim=1)))
        heatmaps, tags = coarse.split([self.num_keypoints, self.num_tags], dim=1)
        return {"heatmaps_s4": heatmaps, **({"tags_s4": tags} if self.num_tags else {}), "heatmaps_s2": fine}


@register_network(
    "higher_hrnet",
    short={
        "higher_hrnet_w32": {"width": 32},
        "higher_hrnet_w48": {"width": 48},
        "higher_hrnet_demo": {
            **{"width": 32, "bottlenecks": 2, "bottleneck_width": 32},
            **{"modules": (1, 1, 1), "blocks": 1},
        },
    },
    outputs=("heatmaps", "tags"),
)
def higher_hrnet(
    outputs: Mapping[str, int],
    *,
    width: int = 32,
    bottlenecks: int = 4,
    bottleneck_width: int = 64,
    modules: tuple[int, int, int] = (1, 4, 3),
    blocks: int = 4,
) -> HigherHRNet:
    """A new HigherHRNet; the published ones are of width 32 and 48, the defaults being theirs.

    Args:
        outputs: channels of `heatmaps`, and of `tags` where it shall have them.
        width: channels of the finest branch; the others have 2, 4 and 8 times as many.
        bottlenecks: residual blocks of the first stage.
        bottleneck_width: inner channels of these; they give 4 times as many.
        modules: exchange modules of the second, third and fourth stage.
        blocks: residual blocks of each branch between two exchanges, and after the deconvolution.

    Raises:
        ValueError: it lacks heatmaps, or cannot give an output.
    """
    if strangers := outputs.keys() - {"heatmaps", "tags"}:
        raise ValueError(f"higher_hrnet gives heatmaps and tags, not {', '.join(sorted(strangers))}")
    if not outputs.get("heatmaps"):
        raise ValueError("higher_hrnet needs the output heatmaps")
    return HigherHRNet(
        width,
        outputs["heatmaps"],
        num_tags=outputs.get("tags", 0),
        bottlenecks=bottlenecks,
        bottleneck_width=bottleneck_width,
        modules=modules,
        blocks=blocks,
    )


def by_short_name(name: str, num_keypoints: int) -> HigherHRNet:
    """The network that a short name such as `higher_hrnet_w32` stands for, with K heatmaps and K tags."""
    _, options = SHORT[name]
    return higher_hrnet({"heatmaps": num_keypoints, "tags": num_keypoints}, **options)


def _timm_config(
    width: int, bottlenecks: int, bottleneck_width: int, modules: tuple[int, int, int], blocks: int
) -> dict:
    """The structure in timm's words."""
    stages = {
        f"stage{branches}": {
            "num_modules": number,
            "num_branches": branches,
            "block_type": "BASIC",
            "num_blocks": (blocks,) * branches,
            "num_channels": tuple(width * 2**i for i in range(branches)),
            "fuse_method": "SUM",
        }
        for branches, number in zip((2, 3, 4), modules, strict=True)
    }
    first = {
        "num_modules": 1,
        "num_branches": 1,
        "block_type": "BOTTLENECK",
        "num_blocks": (bottlenecks,),
        "num_channels": (bottleneck_width,),
        "fuse_method": "SUM",
    }
    return {"stem_width": 64, "stage1": first, **stages}
