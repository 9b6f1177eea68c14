"""The oracle: in a network's place, it knows the annotated persons."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from teachers.contract import Surroundings
from teachers.inference import InferenceConfig, NetworkTeacher
from teachers.registry import register


@register("oracle")
def oracle(
    surroundings: Surroundings,
    *,
    input_size: int = InferenceConfig.input_size,
    flip: bool = InferenceConfig.flip,
    scales: tuple[float, ...] = InferenceConfig.scales,
    project: bool = InferenceConfig.project,
) -> NetworkTeacher:
    """The oracle, which knows the annotated persons.

    Args:
        input_size: short side of the network's input, pixels.
        flip: average with the mirrored photograph.
        scales: sizes to average over, relative to input_size.
        project: group persons at input resolution instead of half of it, which is slower.
    """
    config = InferenceConfig(input_size=input_size, scales=scales, flip=flip, project=project, target_offset=0.0)
    return NetworkTeacher(Oracle(len(surroundings.joints)), config, surroundings, {"weights_sha256": None})


class Oracle(nn.Module):
    """Emits exact Gaussians and tags at the annotated joints: what is lost after it, the pass itself loses.

    Args:
        num_keypoints: K.
        sigma: standard deviation of the Gaussians, cells, at either resolution.
        target_offset: input pixels, in x and y, by which a cell of stride s means more than its centre
            (u + 0.5) s.
    """

    needs_persons = True
    tag_spacing = 2.0
    "Difference between the tags of two persons that follow each other in the annotation."

    def __init__(self, num_keypoints: int, sigma: float = 2.0, target_offset: float = 0.0):
        super().__init__()
        self.num_keypoints, self.sigma, self.target_offset = num_keypoints, sigma, target_offset

    def forward(self, images: torch.Tensor, points: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        """`heatmaps_s4`, `tags_s4` (B, K, H/4, W/4) and `heatmaps_s2` (B, K, H/2, W/2), float32.

        A cell has the value and the tag of the person whose joint is nearest to it.

        Args:
            images: (B, 3, H, W), of which only the size is read.
            points: for each image its persons (P, K, 3): x, y in its pixels, and visibility; joints of
                visibility 0 are left out.
        """
        quarter = [self._nearest(images, persons, 4) for persons in points]
        half = [self._nearest(images, persons, 2) for persons in points]
        return {
            "heatmaps_s4": self._gaussian(torch.stack([distance for distance, _ in quarter])),
            "tags_s4": self.tag_spacing * torch.stack([person for _, person in quarter]).float(),
            "heatmaps_s2": self._gaussian(torch.stack([distance for distance, _ in half])),
        }

    def _gaussian(self, squared_distance: torch.Tensor) -> torch.Tensor:
        return torch.exp(-squared_distance / (2 * self.sigma**2))

    def _nearest(self, images: torch.Tensor, persons: np.ndarray, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Squared distance, cells, to the nearest such joint, and the number of its person, each (K, h, w)."""
        joints = torch.as_tensor(persons, dtype=torch.float32, device=images.device)
        cells = (joints[..., :2] - self.target_offset) / stride - 0.5
        absent = torch.full((1, self.num_keypoints, 2), torch.inf, device=images.device)
        cells = torch.cat([torch.where(joints[..., 2:] > 0, cells, torch.inf), absent])
        height, width = (side // stride for side in images.shape[-2:])
        across = (torch.arange(width, device=images.device) - cells[..., :1]) ** 2
        down = (torch.arange(height, device=images.device) - cells[..., 1:]) ** 2
        return (down[..., :, None] + across[..., None, :]).min(dim=0)
