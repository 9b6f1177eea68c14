"""From photographs to persons, with any network."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict

import numpy as np
import torch
from torch import nn

from distill.data.keypoint_set import KeypointSet
from distill.data.normalise import normalise
from distill.heads.maps import average_resolutions
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig, group, group_peaks
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError
from mobile.runtime import LiteRTModel

Forward = Callable[[np.ndarray], dict[str, torch.Tensor]]
"Letterboxed photographs (B, S, S, 3) uint8 RGB to maps (B, C, h, w) by name, as networks return them."


class Predictor:
    """Persons of photographs of any size.

    Args:
        forward: the network; see `network_forward` and `litert_forward`.
        input_size: side S of its square input, pixels.
        skeleton: of its channels.
        grouping: how maps become persons.
        flip: average with the mirrored photograph, whose tags become a second tag of each cell.
    """

    def __init__(
        self,
        forward: Forward,
        input_size: int,
        skeleton: Skeleton,
        grouping: GroupingConfig,
        flip: bool = False,
    ):
        self.forward, self.input_size, self.skeleton = forward, input_size, skeleton
        self.grouping, self.flip = grouping, flip

    def __call__(self, photographs: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each photograph (H, W, 3) uint8 RGB its persons (P, K, 3) in its pixels, and their scores (P,).

        All photographs go through the network as one batch.
        """
        if not photographs:
            return []
        side = (self.input_size, self.input_size)
        images, matrices = zip(*(letterboxed(photograph, side) for photograph in photographs), strict=True)
        found, columns = self.locate(np.stack(images))
        to_cells = geometry.scaling(columns / self.input_size)
        return [
            (to_photograph(persons, geometry.compose(matrix, to_cells)), scores)
            for (persons, scores), matrix in zip(found, matrices, strict=True)
        ]

    def locate(self, images: np.ndarray) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
        """Persons (P, K, 3) in map cells and scores (P,) of letterboxed images, and the width of the maps in cells."""
        heatmaps, tags = (maps.cpu().numpy() for maps in self.maps(images))
        found = [
            group(heatmap, tag, self.skeleton, **asdict(self.grouping))
            for heatmap, tag in zip(heatmaps, tags, strict=True)
        ]
        return found, heatmaps.shape[-1]

    def maps(self, images: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Heatmaps (B, K, h, w) and tags (B, K, h, w, T) of letterboxed images (B, S, S, 3)."""
        heatmaps, tags = average_resolutions(self.forward(images))
        tags = tags[..., None]
        if self.flip:
            mirrored, mirrored_tags = average_resolutions(self.forward(images[:, :, ::-1]))
            order = torch.from_numpy(self.skeleton.flip_index).to(heatmaps.device)
            heatmaps = (heatmaps + mirrored.flip(-1)[:, order]) / 2
            tags = torch.cat([tags, mirrored_tags.flip(-1)[:, order, ..., None]], dim=-1)
        return heatmaps, tags


class PeakPredictor(Predictor):
    """Persons from a model that finds the peaks itself, so that no maps leave it.

    Args:
        forward: letterboxed photographs (B, S, S, 3) uint8 RGB to peaks, as `mobile.peaks` names them.
        columns: width of the maps that the peaks were found in, cells.
        input_size, skeleton, grouping: see `Predictor`; only thresholds and `max_persons` count.
    """

    def __init__(
        self,
        forward: Callable[[np.ndarray], dict[str, np.ndarray]],
        columns: int,
        input_size: int,
        skeleton: Skeleton,
        grouping: GroupingConfig,
    ):
        super().__init__(forward, input_size, skeleton, grouping)
        self.columns = columns

    def locate(self, images: np.ndarray) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
        """As `Predictor.locate`."""
        peaks = self.forward(images)
        found = [
            group_peaks({name: value[i] for name, value in peaks.items()}, self.columns, self.skeleton, self.grouping)
            for i in range(len(images))
        ]
        return found, self.columns


def litert_predictor(model: LiteRTModel, skeleton: Skeleton, grouping: GroupingConfig, flip: bool = False) -> Predictor:
    """The predictor that fits an exported model, whether it gives maps or peaks.

    Raises:
        InputError: its input is not square, or it gives peaks and flip is asked for.
    """
    width, height = model.input_size
    if width != height:
        raise InputError(f"model {model.path} takes images of {width} x {height} pixels; export it with a square input")
    peaks = model.metadata.get("peaks")
    if peaks is None:
        return Predictor(litert_forward(model), width, skeleton, grouping, flip)
    if flip:
        raise InputError(f"model {model.path} gives peaks, which cannot be averaged; leave flip out")
    return PeakPredictor(model, peaks["columns"], width, skeleton, grouping)


def predict_all(
    predictor: Predictor,
    data: KeypointSet,
    image_ids: Sequence[int] | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Persons (P, K, 3) and scores (P,) by image id, for all photographs of a split or those asked for.

    Args:
        batch_size: photographs that go through the network together.
        progress: called with photographs done and to be done.
    """
    ids = [int(i) for i in (data.image_ids if image_ids is None else image_ids)]
    predictions = {}
    for start in range(0, len(ids), batch_size):
        part = ids[start : start + batch_size]
        predictions |= dict(zip(part, predictor([data.photograph(i) for i in part]), strict=True))
        progress(len(predictions), len(ids))
    return predictions


def letterboxed(photograph: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A photograph (H, W, 3) fitted into (width, height) pixels, and the matrix (2, 3) that did it."""
    matrix = geometry.letterbox(photograph.shape[1::-1], size)
    return geometry.warp(photograph, matrix, size, fill=geometry.PADDING), matrix


def to_photograph(persons: np.ndarray, to_map: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3) in map coordinates to photograph coordinates; joints of score 0 stay zero.

    Args:
        to_map: (2, 3), photograph to map.
    """
    points = geometry.transform(geometry.invert(to_map), persons[..., :2])
    found = persons[..., 2:] > 0
    return np.concatenate([points * found, persons[..., 2:]], axis=-1).astype(np.float32)


def network_forward(
    network: nn.Module,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager] = nullcontext,
) -> Forward:
    """A torch network, in evaluation mode, as a `Forward`.

    Args:
        device: where the network is.
        autocast: called for the context in which the network runs.
    """

    @torch.inference_mode()
    def forward(images: np.ndarray) -> dict[str, torch.Tensor]:
        batch = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(device)
        with autocast():
            return network(normalise(batch))

    return forward


def litert_forward(model: LiteRTModel) -> Forward:
    """An exported model, which normalises by itself, as a `Forward`."""

    def forward(images: np.ndarray) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(maps).permute(0, 3, 1, 2) for name, maps in model(images).items()}

    return forward
