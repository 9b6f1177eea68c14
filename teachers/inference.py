"""A teacher looking at photographs: resize, both resolutions, flip test, several scales."""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from teachers.contract import Surroundings, TeacherMaps, View
from teachers.folding import fold_norms
from teachers.resize import continuous, official_resize

MEAN = (0.485, 0.456, 0.406)
"ImageNet mean of R, G, B, of values 0..1."

STD = (0.229, 0.224, 0.225)
"ImageNet standard deviation of R, G, B, of values 0..1."

_SMALLEST_INPUT = 64  # pixels


@dataclass(frozen=True)
class InferenceConfig:
    """How a teacher looks at a photograph.

    Raises:
        ValueError: a field is out of range.
    """

    input_size: int = 512
    "Short side of the network's input at scale 1, pixels; rounded up to a multiple of 64."
    scales: tuple[float, ...] = (1.0,)
    "Sizes whose heatmaps are averaged, relative to input_size; tags come from the one nearest to 1."
    flip: bool = True
    "Average with the mirrored photograph, whose tags become a second tag of each cell."
    project: bool = False
    "Bring the maps to input resolution instead of the network's finest."
    target_offset: float = 0.0
    "Input pixels, in x and y, by which a cell of stride s means more than its centre (u + 0.5) s."

    def __post_init__(self):
        if self.input_size < _SMALLEST_INPUT:
            raise ValueError(f"input_size must be at least {_SMALLEST_INPUT} pixels, not {self.input_size}")
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"scales needs positive numbers, not {list(self.scales)}")


class NetworkTeacher:
    """A network on a device, ready to be shown photographs.

    Follows the official test of HigherHRNet (Cheng et al., CVPR 2020) up to grouping. Each cell has 2 tags with the
    flip test, else 1.

    Args:
        network: from images (B, 3, H, W) to maps by name; put onto the device and into evaluation mode, its norms
            folded into its convolutions. If it says `needs_persons = True` it is called as network(images, points),
            points being for each image the annotated persons (P, K, 3) in its pixels.
        config: sizes, flip and what a cell means.
        surroundings: device, precision and the rest.
        attributes: what makes its labels what they are, beside the configuration.
    """

    def __init__(
        self,
        network: nn.Module,
        config: InferenceConfig,
        surroundings: Surroundings,
        attributes: Mapping[str, Any] | None = None,
    ):
        self.device, self.dtype, self.combine = surroundings.device, surroundings.dtype, surroundings.combine
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()
        fold_norms(self.network)
        self.config, self.flip_index = config, np.asarray(surroundings.flip_index)
        self.attributes = {**(attributes or {}), **asdict(config)}
        self.needs = ("persons",) if getattr(network, "needs_persons", False) else ()

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height of the network's input at scale 1 for a photograph of (width, height), pixels."""
        return self._resize(size, 1.0)[0]

    @torch.inference_mode()
    def __call__(
        self, photographs: np.ndarray | Sequence[np.ndarray], persons: Sequence[np.ndarray] | None = None
    ) -> TeacherMaps:
        """Maps of photographs (B, H, W, 3) uint8 RGB, or of a list of photographs (H, W, 3) of any sizes.

        The network's input is as large as the largest of the list needs, black beside the others.

        Args:
            persons: for each photograph its annotated persons (P, K, 3), x, y in its pixels and visibility;
                only networks that need them read them.

        Raises:
            ValueError: the photographs are of another shape, or the network needs persons.
        """
        for each in photographs:
            if each.ndim != 3 or each.shape[-1] != 3 or each.dtype != np.uint8:
                raise ValueError(
                    f"photographs must be (B, H, W, 3) uint8, or a list of (H, W, 3), not of {each.shape} {each.dtype}"
                )
        scales = sorted(self.config.scales, reverse=True)
        looks = [self._look(photographs, persons, scale) for scale in scales]
        width, height = self._input(photographs, 1.0)[0]
        size = (height, width) if self.config.project else tuple(looks[0].heatmaps.shape[-2:])
        looks = [_brought_to(size, look) for look in looks]
        nearest = min(range(len(scales)), key=lambda i: abs(np.log(scales[i])))
        return TeacherMaps(
            heatmaps=sum(look.heatmaps for look in looks) / len(looks),
            tags=looks[nearest].tags,
            to_map=np.mean([look.to_map for look in looks], axis=0),
            views=tuple(view for look in looks for view in look.views),
        )

    def _look(
        self, photographs: Sequence[np.ndarray], persons: Sequence[np.ndarray] | None, scale: float
    ) -> TeacherMaps:
        """Maps at one scale, at the network's finest resolution."""
        (width, height), matrices = self._input(photographs, scale)
        images = self._images(photographs, matrices, (width, height))
        to_inputs = np.stack([continuous(matrix) for matrix in matrices])
        to_input = to_inputs[0] if (to_inputs == to_inputs[0]).all() else to_inputs
        points = None if persons is None else [_moved(*each) for each in zip(persons, to_inputs, strict=True)]
        offset = np.full(2, self.config.target_offset)
        offsets = [offset]
        if self.config.flip:
            # Both in one batch, which keeps a GPU busier than two after each other.
            images = torch.cat([images, images.flip(-1)])
            points = None if points is None else [*points, *(_mirrored(p, width, self.flip_index) for p in points)]
            # Mirrored back, cells mean as much less in x as those of the direct view mean more.
            offsets.append(offset * (-1, 1))
        found = self._forward(images, points)
        outputs = [{name: maps[: len(photographs)] for name, maps in found.items()}]
        if self.config.flip:
            rest = {name: maps[len(photographs) :] for name, maps in found.items()}
            outputs.append({name: maps.flip(-1)[:, self._order(name)] for name, maps in rest.items()})
        heatmaps, tags = zip(*(self.combine(maps) for maps in outputs), strict=True)
        views = tuple(
            View(maps.float(), _to_map(to_input, shift, maps, (width, height)))
            for found, shift in zip(outputs, offsets, strict=True)
            for name, maps in found.items()
            if _kind(name) == "heatmaps"
        )
        return TeacherMaps(
            heatmaps=sum(heatmaps) / len(heatmaps),
            tags=None if tags[0] is None else torch.stack(tags, dim=-1),
            to_map=_to_map(to_input, np.mean(offsets, axis=0), heatmaps[0], (width, height)),
            views=views,
        )

    def _order(self, name: str) -> np.ndarray | slice:
        """Channels of a mirrored output in the order of the direct one."""
        return self.flip_index if _kind(name) in ("heatmaps", "tags") else slice(None)

    def _input(self, photographs: Sequence[np.ndarray], scale: float) -> tuple[tuple[int, int], list[np.ndarray]]:
        """Width and height of a common input at a scale, and (2, 3) from each photograph to it, of OpenCV."""
        resized = [self._resize(each.shape[1::-1], scale) for each in photographs]
        width, height = (max(sides) for sides in zip(*(size for size, _ in resized), strict=True))
        # In the middle, where all scales meet when they are resized to each other.
        moves = [((width - size[0]) / 2, (height - size[1]) / 2) for size, _ in resized]
        matrices = [np.column_stack([m[:, :2], m[:, 2] + move]) for (_, m), move in zip(resized, moves, strict=True)]
        return (width, height), matrices

    def _resize(self, size: tuple[int, int], scale: float) -> tuple[tuple[int, int], np.ndarray]:
        return official_resize(size, self.config.input_size, scale, min(self.config.scales))

    def _images(
        self, photographs: Sequence[np.ndarray], matrices: Sequence[np.ndarray], size: tuple[int, int]
    ) -> torch.Tensor:
        """Network input (B, 3, H, W): normalised float32; black beside the photograph."""
        resized = np.stack([cv2.warpAffine(*each, size) for each in zip(photographs, matrices, strict=True)])
        images = torch.from_numpy(resized).to(self.device)
        mean, std = (torch.tensor(values, device=self.device) for values in (MEAN, STD))
        return ((images / 255 - mean) / std).permute(0, 3, 1, 2)

    def _forward(self, images: torch.Tensor, points: list[np.ndarray] | None) -> dict[str, torch.Tensor]:
        lower = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype) if lower else nullcontext():
            if not getattr(self.network, "needs_persons", False):
                return self.network(images)
            if points is None:
                raise ValueError(f"{type(self.network).__name__} needs the persons of each photograph")
            return self.network(images, points)


def _kind(name: str) -> str:
    """What an output is, without the stride behind it."""
    return re.sub(r"_s\d+$", "", name)


def _to_map(to_input: np.ndarray, offset: np.ndarray, maps: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """Photographs to map (..., 2, 3) from photographs to input of (width, height) and what a cell means beside its
    centre."""
    cells = np.array([maps.shape[-1] / size[0], maps.shape[-2] / size[1]])
    return np.concatenate([to_input[..., :2], (to_input[..., 2] - offset)[..., None]], axis=-1) * cells[:, None]


def _brought_to(size: tuple[int, int], maps: TeacherMaps) -> TeacherMaps:
    """The same maps with (height, width) cells."""
    if tuple(maps.heatmaps.shape[-2:]) == size:
        return maps
    cells = np.array([size[1] / maps.heatmaps.shape[-1], size[0] / maps.heatmaps.shape[-2]])
    tags = maps.tags
    if tags is not None:
        tags = torch.stack([_resized(tag, size) for tag in tags.unbind(-1)], dim=-1)
    return replace(maps, heatmaps=_resized(maps.heatmaps, size), tags=tags, to_map=maps.to_map * cells[:, None])


def _resized(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if tuple(maps.shape[-2:]) == size:
        return maps
    return nn.functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def _moved(persons: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3) with x, y mapped by the matrix."""
    return np.concatenate([persons[..., :2] @ matrix[:, :2].T + matrix[:, 2], persons[..., 2:]], axis=-1)


def _mirrored(persons: np.ndarray, width: int, flip_index: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3) as an image `width` pixels wide shows them mirrored."""
    return (persons * (-1, 1, 1) + (width, 0, 0))[:, flip_index]
