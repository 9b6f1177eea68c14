"""Which teacher makes the soft labels, and how it is run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

import teachers.registry
from distill.heads.maps import Activated, average_resolutions
from distill.labelling.labels import persons_of_maps
from distill.labelling.turns import TURNS, Turned
from distill.networks import checkpoint
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton
from distill.system.choice import Choice
from distill.system.devices import choose_device
from distill.system.errors import InputError
from distill.system.registry import Registry, checked_options, option_names, required_options
from teachers.contract import Surroundings, Teacher, TrainedNetwork
from teachers.errors import WeightsError

DEFAULT = Choice("demo")
PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class RunOptions:
    """How any teacher is run, given among its own options."""

    device: str = "auto"
    "cpu, cuda, cuda:1 or auto: the first GPU if there is one."
    precision: str = "auto"
    "float32, float16, bfloat16 or auto: float16 on a GPU, float32 elsewhere."

    turns: int = 1
    "Looks at each photograph: 1 upright, 2 also upside down, 4 by every quarter; for teachers that give persons."

    def __post_init__(self):
        if self.turns not in TURNS:
            raise InputError(f"teacher.turns must be 1, 2 or 4, not {self.turns}")
        if self.precision not in ("auto", *PRECISIONS):
            raise InputError(f"teacher.precision must be auto, {', '.join(PRECISIONS)}, not {self.precision!r}")


TEACHERS = Registry("teacher", "teachers", teachers.registry.TEACHERS, RunOptions)
"Every teacher by name: what is called with `Surroundings` and the teacher's own options."


@dataclass(frozen=True)
class LoadedTeacher:
    """A teacher ready to be called."""

    teacher: Teacher
    attributes: dict
    "What makes its labels what they are, as JSON values: name, precision and what the teacher says of itself."


def check_teacher(choice: Choice) -> tuple[Callable[..., Teacher], dict, RunOptions]:
    """What makes the chosen teacher, its own options, and those common to all, without making anything yet.

    Raises:
        InputError: the name or an option is unknown, an option is missing, or a value does not fit.
    """
    make = TEACHERS.get(choice.name)
    common = {name: value for name, value in choice.options.items() if name in option_names(RunOptions)}
    own = {name: value for name, value in choice.options.items() if name not in common}
    if missing := [name for name in required_options(make) if name not in own]:
        raise InputError(f"teacher.{missing[0]} is not set, and {choice.name} needs it")
    owner = f"teacher {choice.name}"
    return make, checked_options(make, own, owner), RunOptions(**checked_options(RunOptions, common, owner))


def load_teacher(choice: Choice, skeleton: Skeleton) -> LoadedTeacher:
    """Make the chosen teacher, on its device.

    Raises:
        InputError: as `check_teacher`, the checkpoint is of another architecture or skeleton, or the device is not
            there.
        WeightsError: a published checkpoint does not fit.
    """
    make, options, run = check_teacher(choice)
    device = choose_device(run.device)
    precision = run.precision
    if precision == "auto":
        precision = "float16" if device.type == "cuda" else "float32"
    surroundings = Surroundings(
        joints=tuple(skeleton.joints),
        flip_index=skeleton.flip_index,
        device=device,
        dtype=PRECISIONS[precision],
        load_network=_load_network,
        combine=average_resolutions,
        sigmas=np.array(skeleton.sigmas),
        group=partial(persons_of_maps, skeleton=skeleton, grouping=GroupingConfig()),
    )
    try:
        teacher = make(surroundings, **options)
    except (InputError, WeightsError):
        raise
    except ValueError as error:
        raise InputError(f"teacher.{error}") from None
    if run.turns > 1:
        teacher = Turned(teacher, run.turns, surroundings.sigmas)
    return LoadedTeacher(teacher, {"name": choice.name, "precision": precision, **teacher.attributes})


def _load_network(path: Path) -> TrainedNetwork:
    network, info = checkpoint.load_network(path)
    if any(head.activation for name, head in info.heads.items() if name in ("heatmaps", "tags")):
        network = Activated(network, info.heads)
    return TrainedNetwork(network, info.name, min(info.input_size), info.skeleton.joints)
