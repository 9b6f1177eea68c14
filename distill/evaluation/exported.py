"""From photographs to persons, with exported models."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import torch

from distill.evaluation.predictor import Forward, Located, Predictor
from distill.pose.grouping import GroupingConfig, group_peaks
from distill.pose.single_person import best_peaks
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError
from mobile.exported_model import ExportedModel


class PeakPredictor(Predictor):
    """Persons from a model that finds the peaks itself, so that no maps leave it.

    Args:
        forward: letterboxed photographs (B, H, W, 3) uint8 RGB to peaks, as `mobile.peaks` names them.
        columns: width of the maps that the peaks were found in, cells.
        input_size, skeleton, grouping: see `Predictor`; only thresholds and `max_persons` count.
    """

    gives_maps = False

    def __init__(
        self,
        forward: Callable[[np.ndarray], dict[str, np.ndarray]],
        columns: int,
        input_size: tuple[int, int],
        skeleton: Skeleton,
        grouping: GroupingConfig,
    ):
        super().__init__(forward, input_size, skeleton, grouping)
        self.columns = columns

    def seen(self, images: np.ndarray) -> Callable[[], Located]:
        """As `Predictor.seen`."""
        peaks = self.forward(images)

        def locate() -> Located:
            each = ({name: value[i] for name, value in peaks.items()} for i in range(len(images)))
            if "peak_tags" not in peaks:
                return [best_peaks(one, self.columns, self.grouping) for one in each], self.columns
            return [group_peaks(one, self.columns, self.skeleton, self.grouping) for one in each], self.columns

        return locate


def exported_predictor(model: ExportedModel, grouping: GroupingConfig | None = None, flip: bool = False) -> Predictor:
    """The predictor that fits an exported model, whether it gives maps or peaks.

    Args:
        grouping: how maps become persons; by default what the model's JSON recommends.

    Raises:
        InputError: it gives peaks and flip is asked for.
    """
    skeleton = exported_skeleton(model)
    grouping = GroupingConfig(**model.metadata["grouping"]) if grouping is None else grouping
    peaks = model.metadata.get("peaks")
    if peaks is None:
        return Predictor(exported_forward(model), model.input_size, skeleton, grouping, flip)
    if flip:
        raise InputError(f"model {model.path} gives peaks, which cannot be averaged; leave flip out")
    return PeakPredictor(model, peaks["columns"], model.input_size, skeleton, grouping)


def exported_skeleton(model: ExportedModel) -> Skeleton:
    """The skeleton of an exported model, as its JSON describes it.

    Raises:
        InputError: it does not.
    """
    described = model.metadata["skeleton"]
    wanted = {field.name for field in fields(Skeleton)}
    return Skeleton.from_plain({name: value for name, value in described.items() if name in wanted}, str(model.path))


def exported_forward(model: ExportedModel) -> Forward:
    """An exported model, which normalises by itself, as a `Forward`."""

    def forward(images: np.ndarray) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(maps).permute(0, 3, 1, 2) for name, maps in model(images).items()}

    return forward
