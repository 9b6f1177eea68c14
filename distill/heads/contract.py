"""What a network's output means: one object read by targets, losses, decoding and export alike."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch

from distill.heads.batch import Batch
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton

Persons = tuple[np.ndarray, np.ndarray]
"Persons (P, K, 3) x, y in map cells and score, and their scores (P,)."


@dataclass(frozen=True)
class Loss:
    """One named loss of a step."""

    value: torch.Tensor
    "Scalar, not weighted."
    weight: float
    "Its factor in the sum that is minimised."


@dataclass(frozen=True)
class Head(ABC):
    """One output of a network; each file of this package enters one in `HEADS` under the output's name.

    The fields of a dataclass that extends this one are the output's options. A network calls the output NAME_sSTRIDE,
    or NAME, and may give it at several strides. What earlier stages of it gave it adds while it learns, as
    NAME_sSTRIDE@STAGE; each has the same losses.
    """

    meaning: ClassVar[str]
    "What a number of the map says, for the JSON beside an exported model."
    activation: ClassVar[Callable[[torch.Tensor], torch.Tensor] | None] = None
    "What makes the network's map what `meaning` says; an exported model has it inside."
    decodes: ClassVar[tuple[str, ...]] = ()
    "Names of the outputs from which `persons` finds people; none if it does not."

    @abstractmethod
    def channels(self, skeleton: Skeleton) -> int:
        """Channels of the map."""

    def of(self, skeleton: Skeleton) -> Self:
        """The head as its losses are asked for, of those joints."""
        return self

    def check(self, keys: Sequence[str]) -> None:
        """Refuse options that do not fit the keys under which the network gives this output.

        Raises:
            InputError: names the option.
        """
        return None

    def counts(self, batch: Batch, stride: int) -> dict[str, torch.Tensor]:
        """How many things each loss is a mean over, scalars by name; they are added up over a whole step.

        A loss that is not named here is a mean over equal parts of a step.
        """
        return {}

    @abstractmethod
    def losses(
        self, maps: torch.Tensor, batch: Batch, stride: int, alpha: float, counts: Mapping[str, torch.Tensor]
    ) -> dict[str, Loss]:
        """Losses by name, against hard labels and soft ones.

        Args:
            maps: (B, C, H, W) of the network.
            stride: of the maps, pixels of the network's input.
            alpha: share of the soft labels, 0..1.
            counts: by the names of `counts`, of the whole step, each at least 1, shared among its parts.
        """

    def combined(self, direct: torch.Tensor, mirrored: torch.Tensor | None, flip_index: torch.Tensor) -> torch.Tensor:
        """What `persons` reads: the maps (B, C, H, W) of a photograph and, where there is one, of its mirror image.

        Args:
            mirrored: already turned back.
            flip_index: (K,) channel k of a mirrored photograph shows joint flip_index[k].
        """
        return direct

    def persons(self, maps: Mapping[str, np.ndarray], skeleton: Skeleton, grouping: GroupingConfig) -> Persons:
        """People in one photograph's maps, as `combined` gives them, by the names of `decodes`."""
        raise TypeError(f"{type(self).__name__} finds nobody: it names no outputs in decodes")


def split_key(key: str) -> tuple[str, int | None]:
    """Name and stride of a network's output, such as ("heatmaps", 4) of heatmaps_s4; no stride of attention."""
    name, stride = re.fullmatch(r"(.+?)(?:_s(\d+))?", key).groups()
    return name, int(stride) if stride else None


def split_stage(key: str) -> tuple[str, int | None]:
    """The key of the last stage's output and the number of the stage, such as ("heatmaps_s4", 1) of heatmaps_s4@1; no
    number of the last one."""
    last, _, stage = key.partition("@")
    return last, int(stage) if stage else None
