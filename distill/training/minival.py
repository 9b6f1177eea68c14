"""AP on a fixed subset while a network trains."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from cache.store import SoftLabelStore
from distill.data.formats.registry import has_split, splits_of
from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import Predictions, evaluate
from distill.evaluation.figures import counts_by_score
from distill.evaluation.predictor import Predictor, network_forward, predict_all
from distill.heads.contract import Head
from distill.labelling.teacher_pass import check_store
from distill.networks.modes import evaluating
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton
from distill.system.processes import Agreement
from distill.system.signals import StopRequest
from distill.training.config import TrainConfig, TrainDataConfig
from distill.training.learning_data import LearningData
from distill.training.minival_sheet import draw_worst

_ANYWAY = "there is no minival and no best.safetensors; last.safetensors holds what was learnt"


class Minival:
    """The first photographs of the validation split that show a labelled person, measured again and again.

    Without any there is nothing to measure, and `note` says so.

    Args:
        learnt_from: what the training learns from.
    """

    def __init__(self, config: TrainConfig, skeleton: Skeleton, accelerator: Accelerator, learnt_from: LearningData):
        self.input_size, self.batch_size = config.input_size, config.batch_size
        self.accelerator = accelerator
        self.data, self.image_ids, self.note = None, [], None
        self.teacher: Predictions | None = None
        if _is_absent(config.data):
            named = config.data.root is not None
            lacking = f"{config.data.root} has no split {config.data.val_split} (data.val_split)"
            self.note = f"{lacking if named else 'data.root names no annotated set'}: {_ANYWAY}"
            return
        data = KeypointSet(config.data.to_measure_on, skeleton)
        if not data.annotations.labelled.any():
            self.note = f"nobody has a labelled joint in {data.annotation_file}: {_ANYWAY}"
            return
        annotated = [image_id for image_id in data.image_ids.tolist() if data.is_annotated(image_id)]
        self.data, self.image_ids = data, annotated[: config.log.minival_images]
        if config.data.val_soft_labels is not None:
            store = SoftLabelStore.open(config.data.val_soft_labels)
            check_store(store, data, np.array(self.image_ids))
            self.teacher = {image_id: store.read_persons(image_id) for image_id in self.image_ids}
        if data.annotation_sha256 in {each.photographs.annotation_sha256 for each in learnt_from.sets}:
            self.note = (
                f"the minival's photographs are those that are learnt from ({data.annotation_file}): its AP says "
                "nothing of others; divide the set with `distill-data split`"
            )

    def __bool__(self) -> bool:
        return self.data is not None

    @torch.inference_mode()
    def find(
        self,
        network: nn.Module,
        heads: Mapping[str, Head],
        part: slice = slice(None),
        stop: Callable[[], bool] = lambda: False,
    ) -> Predictions | None:
        """The persons that a network finds, in a part of the photographs; None when stopped.

        Args:
            stop: asked after each batch.
        """
        forward = network_forward(network, self.accelerator.device, self.accelerator.autocast, heads)
        predictor = Predictor(forward, self.input_size, self.data.skeleton, GroupingConfig(), heads=heads)
        try:
            with evaluating(network):
                return predict_all(predictor, self.data, self.image_ids[part], self.batch_size, partial(_go_on, stop))
        except _Stopped:
            return None

    def find_together(
        self, network: nn.Module, heads: Mapping[str, Head], agreement: Agreement, stop: StopRequest
    ) -> Predictions | None:
        """As `find`, each process in its part of the photographs; every process gets all that was found.

        The network is the main process's, which alone keeps a moving average up. None when a process was asked to stop.

        Raises:
            InputError: another process failed.
        """
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        if processes > 1:
            for tensor in network.state_dict().values():
                torch.distributed.broadcast(tensor, 0)
        with agreement.all_or_none():
            part = slice(process, None, processes)
            own = self.find(network, heads, part, lambda: stop.received is not None)
        if stop.agree(agreement.largest):
            return None
        if processes == 1:
            return own
        parts = [None] * processes
        torch.distributed.all_gather_object(parts, own)
        return {image_id: found for part in parts for image_id, found in part.items()}

    def figures(self, predictions: Predictions) -> dict[str, float | None]:
        """COCO figures, as `distill.evaluation.coco.evaluate` names them."""
        return evaluate(predictions, self.data, self.image_ids)

    def curve(self, predictions: Predictions) -> dict[str, np.ndarray]:
        """See `distill.evaluation.figures.counts_by_score`."""
        return counts_by_score(predictions, self.data, self.image_ids)

    def sheet(self, predictions: Predictions) -> np.ndarray:
        """The worst photographs of the moment; see `distill.training.minival_sheet.draw_worst`."""
        return draw_worst(predictions, self.data, self.image_ids, self.teacher)


class _Stopped(Exception):
    """Somebody asked to stop."""


def _go_on(stop: Callable[[], bool], done: int, total: int):
    if stop() and done < total:
        raise _Stopped


def _is_absent(data: TrainDataConfig) -> bool:
    """Whether the set has no such split, and nobody asked for it by name."""
    if data.val_split != TrainDataConfig.val_split or data.val_annotations or data.val_images or data.root is None:
        return data.root is None and data.val_images is None
    splits = [split for split, _ in splits_of(data.root, data.format)]
    return bool(splits) and not has_split(splits, data.val_split)
