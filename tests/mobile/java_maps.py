"""Maps such as networks give, made from people and noise; part of `java_cases.py`."""

import numpy as np
import torch
from java_outputs import offsets_of

from distill.heads.rendering import render
from distill.pose import geometry
from distill.pose.centres import UNIT
from distill.pose.skeleton import get_skeleton

SKELETON = get_skeleton("coco_17")
SIGMA = 1.7
TAG_DISTANCE = 2.2
"Rounded distances of tags are then never near the half between two integers."


class MadeMaps:
    """Maps (1, C, h, w) of an input of a size (width, height) in pixels, no two values alike.

    Args:
        random: where the noise comes from, one draw after the other.
    """

    def __init__(self, random: np.random.Generator):
        self.random = random

    def of_tags(
        self, keypoints: np.ndarray, image: np.ndarray, strides: tuple[int, ...], size: tuple[int, int]
    ) -> dict[str, torch.Tensor]:
        """Heatmaps of these strides, and tags of the coarsest."""
        points = _fitted(keypoints, image, size)
        person, joint = np.nonzero(keypoints[..., 2] > 0)
        height = self.random.uniform(0.35, 0.95, len(joint))
        maps = {}
        for stride in strides:
            at = np.concatenate([points[person, joint] / stride, height[:, None]], axis=1).astype(np.float32)
            shape = (1, len(SKELETON), size[1] // stride, size[0] // stride)
            heatmaps = render(torch.from_numpy(at), torch.from_numpy(joint), shape, SIGMA * 4 / stride)
            maps[f"heatmaps_s{stride}"] = heatmaps + self._noise(shape, 0.0, 0.05)
        stride = strides[-1]
        tags = torch.zeros(1, len(SKELETON), size[1] // stride, size[0] // stride)
        across, down = ((np.arange(side // stride) + 0.5) * stride for side in size)
        for k in range(len(SKELETON)):
            owners = person[joint == k]
            if len(owners):
                x, y = points[owners, k].T
                distance = (across - x[:, None, None]) ** 2 + (down[:, None] - y[:, None, None]) ** 2
                tags[0, k] = torch.from_numpy(owners[distance.argmin(axis=0)] * TAG_DISTANCE)
        maps[f"tags_s{stride}"] = tags + self._noise(tags.shape, -0.05, 0.05)
        return maps

    def of_centres(self, keypoints: np.ndarray, image: np.ndarray, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        """Heatmaps beside centres and offsets that are a cell or so wrong."""
        heatmaps = self.of_tags(keypoints, image, (4,), size)["heatmaps_s4"]
        height, width = heatmaps.shape[2:]
        points = _fitted(keypoints, image, size) / 4
        known = keypoints[..., 2:] > 0
        middles = (points * known).sum(axis=1) / known.sum(axis=1)
        confidence = self.random.uniform(0.4, 0.9, len(middles))
        at = np.column_stack([middles, confidence]).astype(np.float32)
        shape = (1, 1, height, width)
        where = render(torch.from_numpy(at), torch.zeros(len(at), dtype=torch.int64), shape, SIGMA)
        cells = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
        nearest = ((cells[:, :, None] - middles) ** 2).sum(axis=-1).argmin(axis=-1)
        ways = (points[nearest] - cells[:, :, None]).transpose(3, 2, 0, 1).reshape(1, -1, height, width) / UNIT
        ways = torch.from_numpy(ways.astype(np.float32)) + self._noise(ways.shape, -0.2, 0.2)
        centres = torch.cat([where + self._noise(shape, 0.0, 0.05), ways], dim=1)
        return {"heatmaps_s4": heatmaps, "centre_s4": centres}

    def of_offsets(self, keypoints: np.ndarray, image: np.ndarray, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        """Heatmaps beside offsets that are up to a fifth of their unit wrong."""
        heatmaps = self.of_tags(keypoints, image, (4,), size)["heatmaps_s4"]
        points = _fitted(keypoints, image, size) / 4
        middles = np.stack([p[k[:, 2] > 0].mean(axis=0) for p, k in zip(points, keypoints, strict=True)])
        points = np.where(keypoints[..., 2:] > 0, points, middles[:, None])
        ways = torch.from_numpy(offsets_of(points, heatmaps.shape[2:], SKELETON.tree))[None]
        ways = ways + self._noise(ways.shape, -0.2, 0.2)
        return {"heatmaps_s4": heatmaps, "offsets_s4": ways}

    def _noise(self, shape: tuple[int, ...], low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(self.random.uniform(low, high, shape).astype(np.float32))


def _fitted(keypoints: np.ndarray, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where joints (P, K, 2) of a photograph lie in an input of this size, pixels."""
    return geometry.transform(geometry.letterbox(image.shape[1::-1], size), keypoints[..., :2])
