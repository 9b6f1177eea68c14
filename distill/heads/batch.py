"""What a network learns from in one step."""

from dataclasses import dataclass, field

import torch

MASK_STRIDE = 2
"Stride of `Batch.masks`, the finest of any network's maps."
MAP_STRIDE = 4
"Stride of `Batch.teacher_maps`."


@dataclass
class Batch:
    """Samples as tensors; coordinates in pixels of the network's input (width W, height H)."""

    image_ids: torch.Tensor
    "(B,) int64."
    images: torch.Tensor
    "(B, H, W, 3) uint8 RGB."
    masks: torch.Tensor
    "(B, 4, H / 2, W / 2) uint8: person, outline unknown, ignored, inside the photograph."
    keypoints: torch.Tensor
    """(B, P, K, 3) float32 x, y, visibility, also of joints that lie outside the input; P of the fullest sample,
    missing persons all zero."""
    joints: torch.Tensor
    "(N, 4) float32 sample, joint, x, y of every labelled joint of `keypoints`."
    persons: torch.Tensor
    """(B, Q, K, 3) float32 x, y, confidence: who is to be told apart, 1 for what a human labelled, or the teacher's
    persons in a photograph that nobody annotated; 0 where a joint is missing."""
    annotated: torch.Tensor
    "(B, K) float32, 0 for joints that the sample's data set does not annotate at all."
    peaks: torch.Tensor
    "(M, 6) float32 sample, joint, x, y, confidence, width: the teacher's peaks."
    teacher_maps: torch.Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0, 0, dtype=torch.uint8))
    "(B, K, H / 4, W / 4) uint8, 255 for a confidence of 1: the teacher's whole maps; empty unless they are asked for."

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def pin_memory(self) -> "Batch":
        """The same batch in memory that a GPU copies from while the processor goes on; the loader asks for it."""
        return Batch(**{name: value.pin_memory() for name, value in vars(self).items()})
