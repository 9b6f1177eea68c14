"""What a network learns from in one step."""

from dataclasses import dataclass

import torch


@dataclass
class Batch:
    """Samples as tensors; coordinates in pixels of the network input."""

    image_ids: torch.Tensor
    "(B,) int64."
    images: torch.Tensor
    "(B, S, S, 3) uint8 RGB."
    masks: torch.Tensor
    "(B, 4, S / 2, S / 2) uint8: person, outline unknown, ignored, inside the photograph."
    keypoints: torch.Tensor
    "(B, P, K, 3) float32 x, y, visibility; P of the fullest sample, missing persons all zero."
    peaks: torch.Tensor
    "(M, 6) float32 sample, joint, x, y, confidence, width."

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def pin_memory(self) -> "Batch":
        """The same batch in memory that a GPU copies from while the processor goes on; the loader asks for it."""
        return Batch(**{name: value.pin_memory() for name, value in vars(self).items()})
