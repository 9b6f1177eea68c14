"""Reading of the published HigherHRNet checkpoints."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from teachers.checkpoint_forms import plain_state, read_checkpoint
from teachers.errors import WeightsError

_LISTED = 3
_WIDTH, _JOINTS = "stage2.0.branches.0.0.conv1.weight", "final_layers.1.bias"
"Entries whose length is the width of a HigherHRNet, and the number of its joints."


def load_official(net: nn.Module, path_or_state_dict: str | Path | Mapping[str, torch.Tensor]):
    """Fill a network, in place, with a checkpoint that has exactly its keys and shapes.

    It may be in any of the forms of `teachers.checkpoint_forms`: with prefixes, wrapped, as a Lightning module, under
    mmpose's names, with arrays of numpy. Values are converted to the network's precision.

    Args:
        net: a network with the module names of the checkpoint.
        path_or_state_dict: a `.pth` or `.safetensors` file, or its content.

    Raises:
        WeightsError: the file is missing or no checkpoint, or keys are missing, unknown or of another shape.
    """
    if isinstance(path_or_state_dict, Mapping):
        source, state = "the state dict", path_or_state_dict
    else:
        source, state = str(path_or_state_dict), read_checkpoint(Path(path_or_state_dict))
    expected = net.state_dict()
    state = plain_state(state, source, expected)
    if complaints := _complaints(expected, state):
        advice = _advice(expected, state)
        raise WeightsError(f"{source} does not fit {type(net).__name__}: {'; '.join(complaints)}{advice}")
    net.load_state_dict(state)


def _complaints(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> list[str]:
    """What keeps `found` from being loaded: one phrase for each kind of fault, none if it fits."""
    shapes = [
        f"{key} {tuple(found[key].shape)} for {tuple(value.shape)}"
        for key, value in expected.items()
        if key in found and found[key].shape != value.shape
    ]
    faults = {
        "missing": [key for key in expected if key not in found],
        "unknown": [key for key in found if key not in expected],
        "of another shape": shapes,
    }
    return [_listing(fault, keys) for fault, keys in faults.items() if keys]


def _advice(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> str:
    """What a HigherHRNet of another width or number of joints is, and what to do; nothing for other faults."""
    width, joints = (
        tuple(state[key].shape[0] if key in state and state[key].dim() else None for state in (expected, found))
        for key in (_WIDTH, _JOINTS)
    )
    if None not in width and width[0] != width[1]:
        return f"; it is {width[1]} channels wide, not {width[0]}: name the teacher of that width"
    if None not in joints and joints[0] != joints[1]:
        return f"; it knows {joints[1]} joints, not {joints[0]}: name its skeleton (--skeleton)"
    return ""


def _listing(what: str, names: list[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return f"{len(names)} {what} ({', '.join(names[:_LISTED])}{more})"
