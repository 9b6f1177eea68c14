"""From bytes to what the networks take, in one place."""

import torch

MEAN = (0.485, 0.456, 0.406)
"ImageNet mean of R, G, B, of values 0..1."

STD = (0.229, 0.224, 0.225)
"ImageNet standard deviation of R, G, B, of values 0..1."


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Photographs (B, H, W, 3) uint8 RGB to network input (B, 3, H, W) float32, channels last in memory."""
    # Three channels are too short a run for vectorised arithmetic: whole rows are normalised at once.
    width = images.shape[2]
    # A blocking copy would make the processor wait until the GPU has done all that was asked of it before.
    mean, std = (torch.tensor(v).repeat(width).mul(255).to(images.device, non_blocking=True) for v in (MEAN, STD))
    rows = images.flatten(2).float().sub_(mean).div_(std)
    return rows.view(images.shape).permute(0, 3, 1, 2)
