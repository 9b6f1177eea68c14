"""Which teacher makes the soft labels, and how it is run."""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

import teachers
import teachers.registry
from distill.networks.checkpoint import load_network
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError
from teachers.inference import InferenceConfig, Teacher
from teachers.official import load_official
from teachers.oracle import Oracle

DEMO_WEIGHTS = Path(teachers.__file__).parent / "weights" / "higher_hrnet_demo.safetensors"
OFFICIAL_INPUT_SIZE = {"higher_hrnet_w32": 512, "higher_hrnet_w48": 640}
OFFICIAL_TARGET_OFFSET = 0.5
"Input pixels by which a cell of the official networks means more than its centre: their targets were floored."
PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class TeacherConfig:
    """The teacher and how it looks at a photograph."""

    name: str = "demo"
    "demo (ships with this package), higher_hrnet_w32, higher_hrnet_w48, another network of teachers/, or oracle."
    weights: Path | None = None
    "Published .pth checkpoint, or a .safetensors checkpoint of distill-train; demo and oracle need none."
    input_size: int | None = None
    "Short side of the network's input, pixels; by default what the weights were trained at."
    flip: bool = True
    "Average with the mirrored photograph."
    scales: tuple[float, ...] = (1.0,)
    "Sizes to average over, relative to input_size."
    project: bool = False
    "Group persons at input resolution instead of half of it, which is slower."
    device: str = "auto"
    "cpu, cuda, cuda:1 or auto: the first GPU if there is one."
    precision: str = "auto"
    "float32, float16, bfloat16 or auto: float16 on a GPU, float32 elsewhere."

    def __post_init__(self):
        names = ["demo", "oracle", *teachers.registry.CONFIGS]
        if self.name not in names:
            raise InputError(f"teacher.name {self.name!r} is unknown; choose from {', '.join(names)}")
        if self.precision not in ("auto", *PRECISIONS):
            raise InputError(f"teacher.precision must be auto, {', '.join(PRECISIONS)}, not {self.precision!r}")
        if not self.scales or min(self.scales) <= 0:
            raise InputError(f"teacher.scales needs positive numbers, not {list(self.scales)}")
        if self.input_size is not None and self.input_size < 64:
            raise InputError(f"teacher.input_size must be at least 64 pixels, not {self.input_size}")
        if self.weights is None and self.name not in ("demo", "oracle"):
            raise InputError(f"teacher.weights is not set: {self.name} needs a checkpoint file")
        if self.weights is not None and not self.weights.is_file():
            raise InputError(f"teacher.weights {self.weights} does not exist")


@dataclass(frozen=True)
class LoadedTeacher:
    """A teacher ready to be called."""

    teacher: Teacher
    attributes: dict
    "What makes its labels what they are, as JSON values: name, weights, size, scales, flip, precision."


def load_teacher(config: TeacherConfig, skeleton: Skeleton) -> LoadedTeacher:
    """Build the network, fill it and put it onto its device.

    Raises:
        InputError: the checkpoint is of another architecture or skeleton, or the device is not there.
        WeightsError: a published checkpoint does not fit.
    """
    network, inference, weights = _load_network(config, skeleton)
    inference = replace(
        inference,
        input_size=config.input_size or inference.input_size,
        scales=config.scales,
        flip=config.flip,
        project=config.project,
    )
    device = _choose_device(config.device)
    precision = config.precision
    if precision == "auto":
        precision = "float16" if device.type == "cuda" else "float32"
    attributes = {
        "name": config.name,
        "weights_sha256": _sha256(weights),
        "precision": precision,
        **asdict(inference),
    }
    teacher = Teacher(network, inference, skeleton.flip_index, device=device, dtype=PRECISIONS[precision])
    return LoadedTeacher(teacher, attributes)


def _load_network(config: TeacherConfig, skeleton: Skeleton) -> tuple[nn.Module, InferenceConfig, Path | None]:
    if config.name == "oracle":
        return Oracle(len(skeleton)), InferenceConfig(target_offset=0.0), None
    if config.name == "demo" or config.weights.suffix == ".safetensors":
        return _load_trained(config, skeleton)
    network = teachers.registry.create(config.name, len(skeleton))
    load_official(network, config.weights)
    size = OFFICIAL_INPUT_SIZE.get(config.name, InferenceConfig.input_size)
    return network.eval(), InferenceConfig(input_size=size, target_offset=OFFICIAL_TARGET_OFFSET), config.weights


def _load_trained(config: TeacherConfig, skeleton: Skeleton) -> tuple[nn.Module, InferenceConfig, Path]:
    path = config.weights or DEMO_WEIGHTS
    network, info = load_network(path)
    if config.name not in ("demo", info.name):
        raise InputError(f"teacher.weights {path} holds {info.name}, but teacher.name is {config.name}")
    if info.skeleton != skeleton.name:
        raise InputError(f"teacher.weights {path} is for skeleton {info.skeleton}, not {skeleton.name}")
    return network, InferenceConfig(input_size=info.input_size, target_offset=0.0), path


def _choose_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"teacher.device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return torch.device(name)


def _sha256(path: Path | None) -> str | None:
    if path is None:
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
