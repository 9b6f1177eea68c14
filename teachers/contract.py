"""What a teacher is given, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class TrainedNetwork:
    """The network of a checkpoint, in evaluation mode."""

    network: nn.Module
    "From images (B, 3, H, W) to maps by name."
    name: str
    "Of its architecture."
    input_size: int
    "Short side of the inputs it was trained at, pixels."
    joints: tuple[str, ...]
    "What its channels show."


@dataclass(frozen=True)
class Surroundings:
    """What every teacher is given when it is made."""

    joints: tuple[str, ...]
    "Names of the K joints that it must find, in this order."
    flip_index: np.ndarray
    "(K,) int, channel k of a mirrored photograph shows joint flip_index[k]."
    device: torch.device
    "Where networks run and maps are left."
    dtype: torch.dtype
    "torch.float32, or the precision of autocast."
    load_network: Callable[[Path], TrainedNetwork]
    "Reads a checkpoint of distill-train."
    combine: Callable[[Mapping[str, torch.Tensor]], tuple[torch.Tensor, torch.Tensor | None]]
    "Averages a network's maps over its resolutions: heatmaps and tags (B, K, h, w), tags None where it has none."
    sigmas: np.ndarray
    "(K,) OKS standard deviation of each joint."
    group: Callable[["TeacherMaps"], "TeacherPersons"]
    "Finds the persons in a teacher's maps; at most one in each photograph where there are no tags."


@dataclass(frozen=True)
class View:
    """Heatmaps as they left a network, before anything was averaged or resized."""

    heatmaps: torch.Tensor
    "(B, K, h, w) float32; those of a mirrored photograph mirrored back."
    to_map: np.ndarray
    """(2, 3) float64, photograph to map, or (B, 2, 3) where they differ: the same joint lies where this puts it, in
    every view."""

    def matrix(self, number: int) -> np.ndarray:
        """(2, 3), that of one photograph."""
        return _of_one(self.to_map, number)


@dataclass(frozen=True)
class TeacherMaps:
    """What a teacher that gives maps sees in photographs."""

    heatmaps: torch.Tensor
    "(B, K, h, w) float32, 0..1."
    tags: torch.Tensor | None
    "(B, K, h, w, T) float32, near each other where two joints are one person's; None where the teacher has none."
    to_map: np.ndarray
    "(2, 3) float64, photograph to map, continuous coordinates: a scaling and a shift; (B, 2, 3) where they differ."
    views: tuple[View, ...] = ()
    "What the heatmaps are the average of; peaks are measured there, for averaging lowers them."

    def matrix(self, number: int) -> np.ndarray:
        """(2, 3), that of one photograph."""
        return _of_one(self.to_map, number)


def _of_one(to_map: np.ndarray, number: int) -> np.ndarray:
    return to_map if to_map.ndim == 2 else to_map[number]


@dataclass(frozen=True)
class TeacherPersons:
    """What a teacher that gives persons sees in photographs; lists have one entry for each of them."""

    persons: Sequence[np.ndarray]
    "(P, K, 3) x, y in photograph pixels, score 0..1; joints that were not found have score 0."
    scores: Sequence[np.ndarray]
    "(P,) of the persons."
    peaks: Sequence[np.ndarray] | None = None
    "(M, 5) joint, x, y in photograph pixels, confidence, width in pixels; by default the persons' joints."


class Teacher(Protocol):
    """Made from `Surroundings` and its own options, then shown photographs.

    The one who makes it enters `teachers.registry` by a name. Options are keyword-only, with a type and a word on
    what they mean in the docstring; one without a default must be given, as the weights of a network are.

    One that brings photographs to a size of its own may say so by a method `canvas`, from a photograph's width and
    height to those of its input. It is then called with a list of photographs (H, W, 3) of like canvases in the place
    of an array, which fills its batches, and its maps may lie where the largest canvas of the list puts them.

    Raises:
        ValueError: when made, an option is out of range; the message begins with the option's name.
    """

    needs: tuple[str, ...]
    """What it is given by keyword beside the photographs, one entry for each: `persons`, the annotated persons
    (P, K, 3), x, y in its pixels and visibility; `boxes`, those of the annotated persons (P, 4), x, y, width, height;
    `image_ids`, its number in the annotation file."""

    @property
    def attributes(self) -> dict[str, Any]:
        """What makes its labels what they are, as JSON values, such as the SHA-256 of its weights."""

    def __call__(self, photographs: np.ndarray, **needed: Sequence) -> TeacherMaps | TeacherPersons:
        """What it sees in photographs (B, H, W, 3) uint8 RGB."""
