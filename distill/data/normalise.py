"""The one place where pixels become network input."""

import torch

MEAN = (0.485, 0.456, 0.406)
"Mean of ImageNet's RGB values, 0..1."
STD = (0.229, 0.224, 0.225)
"Standard deviation of ImageNet's RGB values, 0..1."


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Network input (B, 3, H, W), float32, from photographs (B, H, W, 3), uint8 RGB; device kept.

    The result lies in memory as the photographs do, channels last.
    """
    mean = 255 * torch.tensor(MEAN, device=images.device)
    std = 255 * torch.tensor(STD, device=images.device)
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)
