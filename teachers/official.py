"""Reading of the published HigherHRNet checkpoints."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from teachers.checkpoint_forms import plain_state, read_checkpoint
from teachers.errors import WeightsError

_LISTED = 3
_ADVICE = {
    "stage2.0.branches.0.0.conv1.weight": "it is {has} channels wide, not {needs}: name the teacher of that width",
    "final_layers.1.bias": "it knows {has} joints, not {needs}: name its skeleton (--skeleton)",
}
"What to say where the length of an entry of a HigherHRNet is another."


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
    for key, advice in _ADVICE.items():
        if key in expected and key in found and found[key].dim():
            has, needs = len(found[key]), len(expected[key])
            if has != needs:
                return f"; {advice.format(has=has, needs=needs)}"
    return ""


def _listing(what: str, names: list[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return f"{len(names)} {what} ({', '.join(names[:_LISTED])}{more})"
