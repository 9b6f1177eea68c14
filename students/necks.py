"""Necks: a backbone's maps, finest first, each of half the size of the one before, to one map of the finest's size."""

import torch
from torch import nn
from torch.nn import functional

from students.backbone import conv_norm, conv_norm_relu, initialise

LARGE_KERNEL = 7
"Of depthwise convolutions that see far at little cost; LitePose (Wang et al., CVPR 2022) found 7 best."
DILATIONS = (1, 2, 3, 4)
"Of the parallel convolutions of a context-aware module."


class Neck(nn.Module):
    """Top-down fusion to (B, width, h, w) at the finest map's size.

    Lin et al., Feature Pyramid Networks for Object Detection, CVPR 2017, with one smoothing step at the end of the way.

    Args:
        channels: channels of the maps, finest first.
        width: channels of the result.
        large_kernel: smooth by a 7x7 depthwise convolution and a 1x1 one instead of a dense 3x3 one.
    """

    def __init__(self, channels: tuple[int, ...], width: int, large_kernel: bool = False):
        super().__init__()
        self.width = width
        self.laterals = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = large_kernel_conv(width, width) if large_kernel else conv_norm_relu(width, width)
        initialise(self)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        *finer, x = [lateral(f) for lateral, f in zip(self.laterals, features, strict=True)]
        for lateral in reversed(finer):
            x = lateral + doubled(x)
        return self.smooth(functional.relu(x))


class ContextNeck(nn.Module):
    """Top-down fusion to (B, width, h, w) whose every step is a context-aware module.

    Args:
        channels: channels of the maps, finest first.
        width: channels of the result, a multiple of 4.
        squeeze: let each module weigh its channels; one global mean a module, which int8 delegates leave out.
    """

    def __init__(self, channels: tuple[int, ...], width: int, squeeze: bool = False):
        super().__init__()
        self.width = width
        self.laterals = nn.ModuleList(conv_norm_relu(c, width, 1) for c in channels)
        self.steps = nn.ModuleList(ContextAwareModule(width, squeeze) for _ in channels)
        initialise(self)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        x = None
        levels = zip(features, self.laterals, self.steps, strict=True)
        for feature, lateral, module in reversed(list(levels)):
            own = lateral(feature)
            x = module(own if x is None else own + doubled(x))
        return x


class ContextAwareModule(nn.Module):
    """Four parallel 3x3 convolutions of growing dilation beside a 1x1 shortcut: (B, width, h, w) to the same.

    Each branch also reads what the one before it gave, so that context is refined from near to far (the hierarchy of
    Gao et al., Res2Net, TPAMI 2021, with dilations).

    Args:
        width: channels, a multiple of 4.
        squeeze: weigh the result's channels by squeeze and excitation (Hu et al., CVPR 2018).
    """

    def __init__(self, width: int, squeeze: bool):
        super().__init__()
        part = width // len(DILATIONS)
        self.shortcut = conv_norm(width, width, 1)
        self.reduce = conv_norm_relu(width, width, 1)
        self.branches = nn.ModuleList(conv_norm_relu(part, part, dilation=dilation) for dilation in DILATIONS)
        self.merge = conv_norm(width, width, 1)
        self.squeeze = SqueezeExcitation(width) if squeeze else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.reduce(x).chunk(len(DILATIONS), dim=1)
        seen = []
        for part, branch in zip(parts, self.branches, strict=True):
            seen.append(branch(part + seen[-1] if seen else part))
        merged = self.merge(torch.cat(seen, dim=1))
        if self.squeeze is not None:
            merged = self.squeeze(merged)
        return self.relu(merged + self.shortcut(x))


class SqueezeExcitation(nn.Module):
    """Channels weighed by what their means say: (B, width, h, w) to the same."""

    def __init__(self, width: int, reduction: int = 4):
        super().__init__()
        hidden = max(4, width // reduction)
        self.weigh = nn.Sequential(nn.Conv2d(width, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weigh(x.mean((2, 3), keepdim=True)).sigmoid()


def large_kernel_conv(inputs: int, outputs: int) -> nn.Sequential:
    """7x7 depthwise and 1x1 convolution, each normalised, with one rectifier at the end."""
    return nn.Sequential(
        *conv_norm(inputs, inputs, LARGE_KERNEL, groups=inputs),
        *conv_norm_relu(inputs, outputs, 1),
    )


def doubled(x: torch.Tensor) -> torch.Tensor:
    """A map (B, C, h, w) at twice its size, bilinearly."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear")
