"""From a configuration to all that a run is made of."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from timm.utils import ModelEmaV3
from torch import nn

from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet, open_data
from distill.data.teacher_peaks import read_peaks
from distill.data.teacher_persons import PersonReader, person_reader
from distill.heads.contract import Head
from distill.heads.registry import decoding_head, plain_heads
from distill.labelling.teacher_pass import labelled_images
from distill.networks.registry import NETWORKS, NetworkRegistry, heads_of, strides_of
from distill.pose.skeleton import Skeleton
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.registry import Registry, all_options
from distill.training.config import TrainConfig
from distill.training.losses.registry import LOSSES
from distill.training.objective import DEFAULT_WEIGHT, LossConfig, Objective
from distill.training.optimizers.registry import OPTIMIZERS
from distill.training.resume import identity_of, start_of
from distill.training.schedules.registry import SCHEDULES
from distill.training.start import start_network
from distill.training.state import TrainingState


@dataclass(frozen=True)
class LearningData:
    """What a run learns from."""

    photographs: KeypointSet
    image_ids: np.ndarray
    "(N,) int64, those that it learns from."
    soft_labels: SoftLabelStore | None
    "None where no loss asks for soft labels."
    read_persons: PersonReader | None
    "Reads the teacher's persons, for photographs that nobody annotated; None without a teacher."
    notes: list[str]
    "What was left out, a line each."

    @property
    def read_peaks(self) -> partial | None:
        """Function from an image id to the teacher's peaks, or None without a teacher."""
        return None if self.soft_labels is None else partial(read_peaks, self.soft_labels)


@dataclass(frozen=True)
class Learner:
    """What learns, and how."""

    state: TrainingState
    heads: dict[str, Head]
    skeleton: Skeleton
    objective: Objective
    identity: dict
    "What a run that goes on with this one must share; see `distill.training.resume`."
    notes: list[str]
    "What was taken from the weights that it starts from, a line."


def open_learning_data(config: TrainConfig) -> LearningData:
    """Photographs, hard labels and soft labels.

    Raises:
        InputError: the data cannot be read or holds nothing to learn from.
        StoreError: the store was made for other data, or is incomplete.
    """
    data = open_data(config.data, config.skeleton)
    ids = data.image_ids
    if config.data.persons_only:
        ids = np.array([i for i in ids.tolist() if _teaches(data, i, config.loss.alpha)], dtype=np.int64)
    ids = ids[: config.limit]
    if not len(ids):
        raise InputError(
            f"{data.annotation_file} has no photograph with a labelled person to learn from; label the photographs "
            "with distill-cache and name the store with data.soft_labels, or take annotated ones"
        )
    if config.loss.alpha == 0:
        return LearningData(data, ids, None, None, [])
    store = SoftLabelStore.open(config.data.soft_labels)
    labelled = labelled_images(store, data, ids, skip_unlabelled=config.data.skip_unlabelled)
    skipped = len(ids) - len(labelled)
    notes = [f"{skipped} of {len(ids)} photographs have no soft label and are skipped"] if skipped else []
    return LearningData(data, labelled, store, person_reader(store, config.data.sure_score), notes)


def _teaches(data: KeypointSet, image_id: int, alpha: float) -> bool:
    """Whether a photograph has a labelled person, or may have one whom only the teacher saw."""
    return len(data.keypoints(image_id)) > 0 or (alpha > 0 and not data.is_annotated(image_id))


def make_learner(config: TrainConfig, data: LearningData, accelerator: Accelerator, precision: str) -> Learner:
    """Network, optimiser, schedule and losses at the start of a run.

    Raises:
        InputError: a name or an option is unknown, or the weights do not fit.
    """
    set_seed(config.seed)
    skeleton = data.photographs.skeleton
    heads = heads_of(config.model, config.outputs)
    decoding_head(heads, heads)
    weights = None if start_of(config) else config.weights
    network, note = start_network(config.model, heads, skeleton, weights)
    strides = strides_of(network, heads, skeleton)
    network = network.to(accelerator.device, memory_format=torch.channels_last).train()
    if config.freeze_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    optimizer, schedule = OPTIMIZERS.build(config.optimizer, network), SCHEDULES.build(config.schedule)
    state = TrainingState(network, ModelEmaV3(network, decay=config.ema_decay, use_warmup=True), optimizer, schedule)
    resolved = {
        "model": _in_full(NETWORKS.expanded(config.model), NETWORKS),
        "optimizer": _in_full(config.optimizer, OPTIMIZERS),
        "schedule": _in_full(config.schedule, SCHEDULES),
        "outputs": plain_heads(heads),
        "skeleton": skeleton.plain() | {"name": None},
        "precision": precision,
        "loss": {"alpha": config.loss.alpha, "terms": _terms_in_full(config.loss)},
        "annotations": data.photographs.annotation_sha256,
        "labels": None if data.soft_labels is None else _origin(data.soft_labels),
    }
    identity = identity_of(config, resolved, data.image_ids)
    return Learner(state, heads, skeleton, Objective(heads, strides, config.loss), identity, [note] if note else [])


def _terms_in_full(config: LossConfig) -> dict[str, dict]:
    return {
        name: {"weight": DEFAULT_WEIGHT} | all_options(LOSSES.get(name), options)
        for name, options in config.terms.items()
    }


def _origin(store: SoftLabelStore) -> dict:
    """What makes the labels of a store what they are, wherever it lies."""
    kept = ("format_version", "teacher", "encoding", "shape")
    return {name: store.attributes[name] for name in kept}


def _in_full(choice: Choice, registry: Registry | NetworkRegistry) -> Choice:
    """A choice with its defaults, so that a default that is given is no difference."""
    return Choice(choice.name, all_options(registry.get(choice.name), choice.options))
