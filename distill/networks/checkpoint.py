"""Checkpoints: tensors as safetensors, everything else as JSON in the same file's header."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from distill.networks import registry as networks
from distill.pose.skeleton import get_skeleton
from distill.system.errors import InputError
from distill.system.files import write_atomically

FORMAT_VERSION = 1
_HEADER = "distill"
_NETWORK = "network."
_TRAINING = "training."


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says of itself."""

    name: str
    "Architecture, as `distill.networks.registry.create` knows it."
    skeleton: str
    "Name of the skeleton its channels belong to."
    input_size: int
    "Side of the square input it was trained at, pixels."
    step: int
    "Optimiser steps done."
    config: dict = field(default_factory=dict)
    "The configuration of the training."
    metrics: dict = field(default_factory=dict)
    "Figures measured at that step, such as the minival's AP."
    format_version: int = FORMAT_VERSION
    "Version of this layout."


def save_checkpoint(
    path: Path,
    info: CheckpointInfo,
    network: dict[str, torch.Tensor],
    training: dict[str, torch.Tensor] | None = None,
):
    """Write a checkpoint under a temporary name and rename it, so that a kill leaves the old one.

    Args:
        network: state dict to evaluate and export, usually the moving average.
        training: further tensors by name that resuming needs.
    """
    tensors = {_NETWORK + key: value.contiguous() for key, value in network.items()}
    tensors |= {_TRAINING + key: value.contiguous() for key, value in (training or {}).items()}
    content = save(tensors, metadata={_HEADER: json.dumps(asdict(info))})
    write_atomically(path, content)


def read_checkpoint(path: Path) -> tuple[CheckpointInfo, dict, dict]:
    """What a checkpoint says of itself, its network's state dict and the tensors for resuming.

    Raises:
        InputError: the file is missing, damaged or not one of ours.
    """
    if not path.is_file():
        raise InputError(f"checkpoint {path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER, "null"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is no readable .safetensors file ({error}); it may be truncated") from None
    if not isinstance(header, dict) or header.get("format_version") != FORMAT_VERSION:
        raise InputError(f"{path} is no checkpoint of distill-train, format {FORMAT_VERSION}")
    info = CheckpointInfo(**header)
    network = {k.removeprefix(_NETWORK): v for k, v in tensors.items() if k.startswith(_NETWORK)}
    training = {k.removeprefix(_TRAINING): v for k, v in tensors.items() if k.startswith(_TRAINING)}
    return info, network, training


def load_network(path: Path) -> tuple[nn.Module, CheckpointInfo]:
    """The network of a checkpoint in evaluation mode, float32, with what the checkpoint says of itself.

    Raises:
        InputError: as `read_checkpoint`, or the tensors do not fit the architecture named in the file.
    """
    info, state, _ = read_checkpoint(Path(path))
    network = networks.create(info.name, len(get_skeleton(info.skeleton)))
    load_state(network, state, Path(path))
    return network.eval(), info


def save_for_shipping(checkpoint: Path, path: Path) -> int:
    """Write the network of a checkpoint alone, in half precision and without the folders it was trained in.

    A tensor with a value beyond half precision's range (65,504), such as a large variance, stays as it is.

    Returns:
        Size of the new file, bytes.

    Raises:
        InputError: as `read_checkpoint`.
    """
    info, network, _ = read_checkpoint(checkpoint)
    half = {key: _halved(value) for key, value in network.items()}
    recipe = {key: value for key, value in info.config.items() if key not in ("data", "out", "weights", "resume")}
    save_checkpoint(path, replace(info, config=recipe), half)
    return path.stat().st_size


def _halved(value: torch.Tensor) -> torch.Tensor:
    largest = torch.finfo(torch.float16).max
    return value.half() if value.is_floating_point() and not (value.abs() > largest).any() else value


def load_state(network: nn.Module, state: dict[str, torch.Tensor], path: Path):
    """Fill a network; every tensor must be there and of the right shape.

    Raises:
        InputError: names the file and the first tensor that does not fit.
    """
    own = network.state_dict()
    for key in sorted(own.keys() | state.keys()):
        found = tuple(state[key].shape) if key in state else "missing"
        wanted = tuple(own[key].shape) if key in own else "unknown"
        if found != wanted:
            raise InputError(
                f"{path} is of another architecture: {key} is {found} in the file and {wanted} in the network"
            )
    network.load_state_dict(state)
