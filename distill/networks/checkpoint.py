"""Checkpoints: tensors as safetensors, everything else as JSON in the same file's header."""

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from distill.heads.contract import Head
from distill.heads.registry import plain_heads
from distill.networks.registry import NETWORKS, create, heads_of, plain, without_pretrained
from distill.pose.skeleton import Skeleton, get_skeleton
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.imports import import_remembered

FORMAT_VERSION = 2
_HEADER = "distill"
_NETWORK = "network."
_TRAINING = "training."


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says of itself: enough to build its network again."""

    model: dict[str, Any]
    "Name and options of the network, as `distill.networks.registry` knows them."
    outputs: dict[str, dict[str, Any]]
    "Options by output name."
    skeleton: Skeleton
    "Whose joints its channels are."
    input_size: tuple[int, int]
    "Width and height of the input it was trained at, pixels."
    step: int
    "Optimiser steps done."
    config: dict = field(default_factory=dict)
    "The configuration of the training."
    schedule: dict = field(default_factory=dict)
    "What the schedule remembers."
    optimizer: dict = field(default_factory=dict)
    "What the optimiser remembers beside tensors."
    identity: dict = field(default_factory=dict)
    "What a run that goes on from here must share with this one; see `distill.training.resume`."
    metrics: dict = field(default_factory=dict)
    "Figures measured at that step, such as the minival's AP."
    imports: list[dict] = field(default_factory=list)
    "Files and modules that its names come from, as `distill.system.imports` remembers them."

    @property
    def choice(self) -> Choice:
        """The network."""
        return Choice.of(self.model)

    @property
    def heads(self) -> dict[str, Head]:
        """Its outputs by name."""
        return heads_of(self.choice, self._outputs())

    @property
    def name(self) -> str:
        """The network in a word: a short name where one says all."""
        return NETWORKS.short_name(self.choice)

    def _outputs(self) -> dict[str, Any]:
        return dict.fromkeys(heads_of(self.choice, {}), False) | self.outputs


def save_checkpoint(
    path: Path,
    info: CheckpointInfo,
    network: dict[str, torch.Tensor],
    training: dict[str, torch.Tensor] | None = None,
):
    """Write a checkpoint whole or not at all, so that a kill leaves the old one.

    Args:
        network: state dict to evaluate and export, usually the moving average.
        training: further tensors by name that resuming needs.

    Raises:
        InputError: a tensor holds something that is not a finite number; what stood there before stays.
        OSError: the folder cannot be written.
    """
    tensors = {_NETWORK + key: value.contiguous() for key, value in network.items()}
    tensors |= {_TRAINING + key: value.contiguous() for key, value in (training or {}).items()}
    for key, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{path} is not written: {key} is not finite; lower the learning rate or clip_norm")
    header = {"format_version": FORMAT_VERSION} | _header_of(info)
    write_atomically(path, save(tensors, metadata={_HEADER: json.dumps(header)}))


def read_checkpoint(path: Path) -> tuple[CheckpointInfo, dict, dict]:
    """What a checkpoint says of itself, its network's state dict and the tensors for resuming.

    Raises:
        InputError: the file is missing, damaged or not one of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"checkpoint {path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER, "null"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is no readable .safetensors file ({error}); it may be truncated") from None
    network = {k.removeprefix(_NETWORK): v for k, v in tensors.items() if k.startswith(_NETWORK)}
    training = {k.removeprefix(_TRAINING): v for k, v in tensors.items() if k.startswith(_TRAINING)}
    return _info(header, path), network, training


def load_network(path: Path) -> tuple[nn.Module, CheckpointInfo]:
    """The network of a checkpoint in evaluation mode, float32, with what the checkpoint says of itself.

    Raises:
        InputError: as `read_checkpoint`, or the tensors do not fit the network that the file names.
    """
    info, state, _ = read_checkpoint(path)
    network = create(without_pretrained(info.choice), info.heads, info.skeleton)
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


def _header_of(info: CheckpointInfo) -> dict[str, Any]:
    values = {entry.name: getattr(info, entry.name) for entry in fields(info)}
    return values | {"skeleton": info.skeleton.plain(), "input_size": list(info.input_size)}


def _info(header: Any, path: Path) -> CheckpointInfo:
    version = header.get("format_version") if isinstance(header, dict) else None
    if version not in (1, FORMAT_VERSION):
        raise InputError(f"{path} is no checkpoint of distill-train, format {FORMAT_VERSION} or 1")
    values = {key: value for key, value in header.items() if key != "format_version"}
    try:
        if version == 1:
            return _first_format(values)
        import_remembered(values["imports"], str(path))
        values["skeleton"] = Skeleton.from_plain(values["skeleton"], f"{path}: skeleton")
        values["model"] = _model(values["model"], path)
        values["input_size"] = tuple(values["input_size"])
        return CheckpointInfo(**values)
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: its header lacks or holds too much of {error}") from None


def _model(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise InputError(f"{path} is damaged: its model has no name")
    return value


def _first_format(values: dict[str, Any]) -> CheckpointInfo:
    """Format 1 knew the networks and the skeleton by one name each, and square inputs."""
    choice = NETWORKS.expanded(Choice(values.pop("name")))
    side = values.pop("input_size")
    return CheckpointInfo(
        model=plain(choice),
        outputs=plain_heads(heads_of(choice, {})),
        skeleton=get_skeleton(values.pop("skeleton")),
        input_size=(side, side),
        **values,
    )


def _halved(value: torch.Tensor) -> torch.Tensor:
    largest = torch.finfo(torch.float16).max
    return value.half() if value.is_floating_point() and not (value.abs() > largest).any() else value
