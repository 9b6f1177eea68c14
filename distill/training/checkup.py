"""A look at data, network and losses before a long training; nothing of it is kept but a picture."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from accelerate import Accelerator
from torch import nn

from distill.data.loader import StepSampler, make_loader
from distill.data.normalise import normalise
from distill.drawing.sheet import write_image
from distill.heads.batch import Batch
from distill.heads.maps import of_last_stage
from distill.networks.modes import evaluating
from distill.system.devices import choose_precision
from distill.system.processes import make_accelerator
from distill.training.config import TrainConfig
from distill.training.learning_data import LearningData, open_learning_data
from distill.training.objective import total
from distill.training.sample_sheet import draw_samples
from distill.training.setup import Learner, make_learner
from distill.training.step import gradients

PICTURE = "check.png"
"Name of the picture of a batch in the run's folder."
BY_HEART_SAMPLES, BY_HEART_STEPS, BY_HEART_RATE = 4, 60, 0.002
"What is learnt by heart, by AdamW."
FALL = 0.7
"Share of its start under which the loss must have fallen then."
NEAR_CHANCE = 3.0
"Times the loss of empty maps that a network from scratch may start at."


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    found: str
    is_good: bool


def check_up(config: TrainConfig) -> list[Finding]:
    """All checks of a configuration, in the order of what they need.

    Raises:
        InputError: configuration, data or soft labels cannot be read or do not fit one another.
        OSError: the picture cannot be written.
    """
    config = replace(config, batch_size=max(2, min(config.batch_size, 8)), accumulate=1, resume="false")
    precision = choose_precision(config.precision)
    accelerator = make_accelerator(precision, 1)
    data = open_learning_data(config)
    learner = make_learner(replace(config, out=config.out / ".check"), data, accelerator, precision)
    batch = next(_batches(config, data)).to(accelerator.device)
    # In training mode: at the start the statistics of the normalisation are nobody's.
    with torch.no_grad():
        maps = copy.deepcopy(learner.state.network)(normalise(batch.images))
    return [
        _photographs(config, data),
        _labels(batch, config),
        _picture(config, learner, batch, maps),
        _start(config, learner, batch, maps),
        _apart(learner, batch),
        _by_heart(learner, batch, accelerator),
    ]


def _batches(config: TrainConfig, data: LearningData) -> Iterator[Batch]:
    sampler = StepSampler(data.mixture(config.seed), config.batch_size, 0, 1)
    return make_loader(data.samples(config), sampler, 0)


def _photographs(config: TrainConfig, data: LearningData) -> Finding:
    """What is learnt from, and how many soft labels are missing."""
    told = []
    for each in data.sets:
        annotated = sum(map(each.photographs.is_annotated, each.image_ids.tolist()))
        labelled = len(each.image_ids) if each.soft_labels else 0
        told.append(
            f"{each.photographs.annotation_file}: {len(each.image_ids)} photographs, {annotated} annotated, "
            f"{labelled} with soft labels"
        )
    return Finding("photographs", "; ".join([*told, *data.notes]), not data.notes or config.data.skip_unlabelled)


def _labels(batch: Batch, config: TrainConfig) -> Finding:
    """Whether a batch teaches anything: joints of humans where these count, peaks of the teacher where those do."""
    joints, peaks, persons = len(batch.joints), len(batch.peaks), int((batch.persons[..., 2] > 0).any(-1).sum())
    needs_hard = min(config.loss.alpha, 1.0 if config.loss.alpha_end is None else config.loss.alpha_end) < 1
    silent = needs_hard and not joints and bool(batch.annotated.any())
    silent |= config.loss.needs_soft_labels and not peaks
    found = f"{len(batch.images)} samples: {joints} annotated joints, {peaks} peaks of the teacher, {persons} persons"
    return Finding("a batch's labels", found, not silent)


def _picture(config: TrainConfig, learner: Learner, batch: Batch, maps: dict[str, torch.Tensor]) -> Finding:
    """The batch as the network sees it, with its targets."""
    path = config.out / PICTURE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, draw_samples(batch, of_last_stage(maps), learner.heads, learner.skeleton))
    return Finding("a batch's picture", f"{path}: open it, and see whether joints, left and right are right", True)


def _start(config: TrainConfig, learner: Learner, batch: Batch, maps: dict[str, torch.Tensor]) -> Finding:
    """The loss at the start against that of a network that knows nothing and says nothing."""
    counts = {name: count.clamp(min=1) for name, count in learner.objective.counts([batch]).items()}
    silent = {key: torch.zeros_like(value) for key, value in maps.items()}
    ours, chance = (float(total(learner.objective.losses(given, batch, counts))) for given in (maps, silent))
    limit = NEAR_CHANCE if config.weights is None else 1.0
    is_good = math.isfinite(ours) and ours <= limit * chance
    return Finding("loss at the start", f"{ours:.4f}, of empty maps {chance:.4f}", is_good)


def _apart(learner: Learner, batch: Batch) -> Finding:
    """Whether what a network says of one sample depends on that sample alone."""
    images = normalise(batch.images[:2]).float().requires_grad_()
    with evaluating(learner.state.network) as network:
        maps = network(images)
        sum(value[0].float().square().sum() for value in maps.values()).backward()
    own, other = (float(images.grad[i].abs().sum()) for i in (0, 1))
    learner.state.network.zero_grad()
    return Finding("gradients of a sample", f"{own:.3g} reach it, {other:.3g} reach another", own > 0 and other == 0)


def _by_heart(learner: Learner, batch: Batch, accelerator: Accelerator) -> Finding:
    """Whether the loss of a few samples falls when nothing else is learnt."""
    few = Batch(**{name: _first(name, value) for name, value in vars(batch).items()})
    network: nn.Module = copy.deepcopy(learner.state.network)
    moved = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(moved, lr=BY_HEART_RATE, weight_decay=0.0)
    losses = []
    for _ in range(BY_HEART_STEPS):
        result = gradients(network, learner.objective, iter([few]), accelerator)
        losses.append(float(result.losses["total"]))
        optimizer.step()
        optimizer.zero_grad()
    found = f"loss {losses[0]:.4f} to {losses[-1]:.4f} in {BY_HEART_STEPS} steps on {len(few.images)} samples"
    return Finding("learning by heart", found, losses[-1] < FALL * losses[0])


def _first(name: str, value: torch.Tensor) -> torch.Tensor:
    """What a field of a batch holds of the first few samples; rows of joints and peaks begin with their sample."""
    if name in ("joints", "peaks"):
        return value[value[:, 0] < BY_HEART_SAMPLES]
    return value[:BY_HEART_SAMPLES]
