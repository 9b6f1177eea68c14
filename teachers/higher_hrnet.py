"""HigherHRNet: heatmaps at a quarter and half of the input's resolution, and tags."""

import torch
from timm.models.hrnet import HighResolutionNet
from timm.models.resnet import BasicBlock
from torch import nn


class HigherHRNet(HighResolutionNet):
    """Bottom-up pose network: image (B, 3, H, W) to a dict of maps.

    `heatmaps_s4` (B, K, H/4, W/4), `tags_s4` (B, K, H/4, W/4), `heatmaps_s2` (B, K, H/2, W/2). Cheng et
    al., HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation, CVPR 2020,
    on timm's HRNet. Modules have the names of the published checkpoints. H and W are multiples of 32.

    Args:
        width: channels of the finest branch; the others have 2, 4 and 8 times as many. Published: 32, 48.
        num_keypoints: K.
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
        bottlenecks: int = 4,
        bottleneck_width: int = 64,
        modules: tuple[int, int, int] = (1, 4, 3),
        blocks: int = 4,
    ):
        super().__init__(_timm_config(width, bottlenecks, bottleneck_width, modules, blocks), head="")
        self.num_keypoints = num_keypoints
        last = self.stage4[-1]
        last.fuse_layers = last.fuse_layers[:1]
        maps = 2 * num_keypoints
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
        heatmaps, tags = coarse.split(self.num_keypoints, dim=1)
        return {"heatmaps_s4": heatmaps, "tags_s4": tags, "heatmaps_s2": fine}


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
