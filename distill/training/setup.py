"""From a configuration to all that a run is made of."""

from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from timm.utils import ModelEmaV3

from distill.heads.contract import Head
from distill.heads.registry import decoding_head, plain_heads
from distill.networks.eight_bits import round_activations
from distill.networks.modes import freeze, freeze_norm
from distill.networks.registry import NETWORKS, NetworkRegistry, create, heads_of, strides_of, without_pretrained
from distill.pose.skeleton import Skeleton
from distill.system.choice import Choice
from distill.system.json_values import to_json_values
from distill.system.registry import Registry, all_options
from distill.training.config import TrainConfig
from distill.training.learning_data import LearningData
from distill.training.losses.registry import LOSSES
from distill.training.objective import DEFAULT_WEIGHT, LossConfig, Objective
from distill.training.optimizers.registry import OPTIMIZERS
from distill.training.resume import identity_of, start_of
from distill.training.schedules.registry import SCHEDULES, over
from distill.training.start import start_network
from distill.training.state import TrainingState


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


def make_learner(config: TrainConfig, data: LearningData, accelerator: Accelerator, precision: str) -> Learner:
    """Network, optimiser, schedule and losses at the start of a run.

    Raises:
        InputError: a name or an option is unknown, or the weights do not fit.
    """
    set_seed(config.seed)
    skeleton = data.skeleton
    heads = heads_of(config.model, config.outputs)
    decoding_head(heads, heads)
    if start_of(config):
        network, note = create(without_pretrained(config.model), heads, skeleton), ""
    else:
        network, note = start_network(config.model, heads, skeleton, config.weights)
    strides = strides_of(network, heads, skeleton)
    network = network.to(accelerator.device, memory_format=torch.channels_last).train()
    if config.freeze_norm:
        freeze_norm(network)
    freeze(network, config.freeze)
    if config.eight_bits:
        round_activations(network)
    chosen = over(config.schedule, config.steps)
    optimizer, schedule = OPTIMIZERS.build(config.optimizer, network), SCHEDULES.build(chosen)
    state = TrainingState(network, ModelEmaV3(network, decay=config.ema_decay, use_warmup=True), optimizer, schedule)
    objective = Objective({name: head.of(skeleton) for name, head in heads.items()}, strides, config.loss)
    objective.watch(network)
    resolved = {
        "model": _in_full(NETWORKS.expanded(config.model), NETWORKS),
        "optimizer": _in_full(config.optimizer, OPTIMIZERS),
        "schedule": _in_full(chosen, SCHEDULES),
        "outputs": plain_heads(heads),
        "skeleton": skeleton.plain() | {"name": None},
        "precision": precision,
        "loss": to_json_values(config.loss) | {"terms": _terms_in_full(config.loss)},
    }
    identity = identity_of(config, resolved, [each.identity() for each in data.sets])
    return Learner(state, heads, skeleton, objective, identity, [note] if note else [])


def _terms_in_full(config: LossConfig) -> dict[str, dict]:
    return {
        name: {"weight": DEFAULT_WEIGHT} | all_options(LOSSES.get(name), options)
        for name, options in config.terms.items()
    }


def _in_full(choice: Choice, registry: Registry | NetworkRegistry) -> Choice:
    """A choice with its defaults, so that a default that is given is no difference."""
    return Choice(choice.name, all_options(registry.get(choice.name), choice.options))
