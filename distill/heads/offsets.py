"""Offsets: from a cell to the joint that it belongs to, and from joint to joint along the person."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch

from distill.heads.batch import Batch
from distill.heads.contract import Head, Loss, Persons
from distill.heads.registry import HEADS
from distill.heads.target_width import longer_sides
from distill.pose.grouping import GroupingConfig
from distill.pose.offsets import MID_UNIT, SHORT_UNIT, persons_of_offsets
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

_TINY = 1e-6


@HEADS.register("offsets")
@dataclass(frozen=True)
class Offsets(Head):
    """Short-range and mid-range offsets of PersonLab (Papandreou et al., ECCV 2018); persons need no tags then.

    Short-range offsets lead from the cells around a joint to it, mid-range ones from there to the next joint of the
    same person, along the skeleton's tree and back. Taught by the annotated persons, or the teacher's where nobody
    annotated. They must be given at the stride of the heatmaps, which their persons are found with.
    """

    weight: float = 0.1
    "Weight of the loss of the short-range offsets."
    mid_weight: float = 1.0
    "Weight of the loss of the mid-range offsets."
    radius: float = 2.0
    "Cells around a joint whose offsets are taught."

    tree: ClassVar[np.ndarray | None] = None
    "(E, 2) joints from parent to child, of a head that knows its skeleton."
    decodes = ("heatmaps", "offsets")

    def __post_init__(self):
        for name in ("weight", "mid_weight"):
            if getattr(self, name) < 0:
                raise InputError(f"outputs.offsets.{name} must not be negative, not {getattr(self, name)}")
        if self.radius < 1:
            raise InputError(f"outputs.offsets.radius must be at least 1 cell, not {self.radius}")

    @property
    def meaning(self) -> str:
        """Channels in order; with the edges where the skeleton is known."""
        return (
            f"x and y from the cell's centre to joint k (channels k and K + k), in {SHORT_UNIT:.0f} cell; then for the "
            f"E = K - 1 edges of the tree that skeleton.limbs span from grouping_order[0] on, breadth first: x and y "
            f"from parent to child (2 K + e, 2 K + E + e) and from child to parent (2 K + 2 E + e, 2 K + 3 E + e), in "
            f"{MID_UNIT:.0f} cells"
        )

    def of(self, skeleton: Skeleton) -> Self:
        """The same head with the skeleton's tree."""
        known = copy.copy(self)
        object.__setattr__(known, "tree", skeleton.tree)
        return known

    def channels(self, skeleton: Skeleton) -> int:
        """Two for each joint and four for each edge."""
        return 2 * len(skeleton) + 4 * (len(skeleton) - 1)

    def counts(self, batch: Batch, stride: int) -> dict[str, torch.Tensor]:
        """Joints inside the input, and those of them whose neighbour along the tree is known, by their confidence."""
        weights = _inside(batch)
        ends = _ends(self.tree, batch.persons.device)
        return {
            "offset_short": weights.sum(),
            "offset_mid": sum((weights[..., a] * (batch.persons[..., b, 2] > 0)).sum() for a, b in ends),
        }

    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """`offset_short`: mean over joints of the mean distance, in cells, of where the cells around one point from it.
        `offset_mid`: mean over edges and directions of that distance from the next joint in parts of the person's
        longer side. All by confidence."""
        joints = batch.persons.shape[2]
        edges = joints - 1
        cells, near = self._cells_around(batch, stride, maps.shape[-2:])
        weights = _inside(batch)[..., None] * near / near.sum(-1, keepdim=True).clamp(min=_TINY)
        places, known = batch.persons[..., :2] / stride, batch.persons[..., 2] > 0
        own = places[:, :, :, None]
        starts, ends = (torch.cat(joint) for joint in zip(*_ends(self.tree, maps.device), strict=True))
        channel = torch.arange(joints, device=maps.device)
        far = 2 * joints + torch.arange(edges, device=maps.device)
        far = torch.cat([far, far + 2 * edges])
        # Read at once, as each reading costs gradients of the size of the maps.
        around = torch.cat([cells, cells[:, :, starts]], dim=2)
        x_channel, y_channel = torch.cat([channel, far]), torch.cat([channel + joints, far + edges])
        near_offsets, far_offsets = _read(maps, around, x_channel, y_channel).split([joints, 2 * edges], dim=2)
        short = _distance(near_offsets, cells, SHORT_UNIT, own)
        sides = (longer_sides(batch.persons) / stride).clamp(min=1.0)[:, :, None, None]
        apart = _distance(far_offsets, cells[:, :, starts], MID_UNIT, places[:, :, ends][:, :, :, None])
        mid = apart / sides * weights[:, :, starts] * known[:, :, ends, None]
        return {
            "offset_short": Loss((short * weights).sum() / counts["offset_short"], self.weight),
            "offset_mid": Loss(mid.sum() / counts["offset_mid"], self.mid_weight),
        }

    def combined(self, direct: torch.Tensor, mirrored: torch.Tensor | None, flip_index: torch.Tensor) -> torch.Tensor:
        """The mean of the short-range offsets, a mirrored x turned round; the mid-range ones of the photograph itself,
        as the tree need not be the same on both sides."""
        if mirrored is None:
            return direct
        joints = len(flip_index)
        x, y = mirrored[:, :joints], mirrored[:, joints : 2 * joints]
        turned = torch.cat([-x[:, flip_index], y[:, flip_index]], dim=1)
        return torch.cat([(direct[:, : 2 * joints] + turned) / 2, direct[:, 2 * joints :]], dim=1)

    def persons(self, maps: Mapping[str, np.ndarray], skeleton: Skeleton, grouping: GroupingConfig) -> Persons:
        """People grown along the tree; see `distill.pose.offsets.persons_of_offsets`."""
        return persons_of_offsets(maps["heatmaps"], maps["offsets"], skeleton.tree, grouping)

    def _cells_around(self, batch: Batch, stride: int, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Cells (B, P, K, N, 2) x, y around each joint, and (B, P, K, N) 1 for those that are taught: within
        the radius, inside the map, and nearer to no other person's same joint."""
        reach = torch.arange(-int(self.radius), int(self.radius) + 1, device=batch.persons.device)
        around = torch.cartesian_prod(reach, reach)
        places = batch.persons[..., :2] / stride
        cells = places.floor().long()[:, :, :, None] + around
        centres = cells + 0.5
        others = places.transpose(1, 2)[:, None, :, None].expand(-1, places.shape[1], -1, len(around), -1, -1)
        apart = (centres[..., None, :] - others).norm(dim=-1)
        known = (batch.persons[..., 2] > 0).transpose(1, 2)[:, None, :, None]
        own = (centres - places[:, :, :, None]).norm(dim=-1)
        nearest = torch.cat([apart.masked_fill(~known, torch.inf), own[..., None]], dim=-1).amin(-1)
        limit = torch.tensor([size[1], size[0]], device=cells.device)
        inside = ((cells >= 0) & (cells < limit)).all(-1)
        near = inside & (own <= self.radius) & (own <= nearest + _TINY)
        return torch.minimum(cells.clamp(min=0), limit - 1), near.float()


def _ends(tree: np.ndarray, device: torch.device) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Joints (E,) from which and to which mid-range offsets lead: from parent to child, and back."""
    parents, children = torch.from_numpy(tree).to(device).unbind(1)
    return (parents, children), (children, parents)


def _inside(batch: Batch) -> torch.Tensor:
    """(B, P, K) confidence of the joints that lie inside the network's input, 0 of the others."""
    x, y, confidence = batch.persons.unbind(-1)
    height, width = batch.images.shape[1:3]
    return confidence * ((x >= 0) & (y >= 0) & (x < width) & (y < height))


def _read(maps: torch.Tensor, cells: torch.Tensor, x_channel: torch.Tensor, y_channel: torch.Tensor) -> torch.Tensor:
    """(B, P, K, N, 2): the values of two channels (K,) each of maps (B, C, H, W), at cells (B, P, K, N, 2) x, y."""
    channels, width = maps.shape[1], maps.shape[3]
    first = (cells[..., 1] * width + cells[..., 0]) * channels
    index = first[..., None] + torch.stack([x_channel, y_channel], dim=-1)[:, None]
    # In the order in which channels-last memory holds them.
    flat = maps.float().permute(0, 2, 3, 1).flatten(1)
    return flat.gather(1, index.flatten(1)).view(index.shape)


def _distance(offsets: torch.Tensor, cells: torch.Tensor, unit: float, target: torch.Tensor) -> torch.Tensor:
    """(B, P, K, N) cells between a target (B, P, K, 1, 2) and where offsets (B, P, K, N, 2) of their cells point."""
    return ((cells + 0.5 + unit * offsets - target) ** 2).sum(-1).clamp(min=_TINY).sqrt()
