"""Reading of the published HigherHRNet checkpoints."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from teachers.errors import WeightsError

_PREFIXES = ("module.", "1.")
"What training on several GPUs and training in half precision put before every key."
_LISTED = 3


def load_official(net: nn.Module, path_or_state_dict: str | Path | Mapping[str, torch.Tensor]):
    """Fill a network, in place, with a checkpoint that has exactly its keys and shapes.

    The prefixes `module.` and `1.` are accepted where every key has them, and a checkpoint of a training that holds
    its state dict as `state_dict`. Values are converted to the network's precision.

    Args:
        net: a network with the module names of the checkpoint.
        path_or_state_dict: a `.pth` or `.safetensors` file, or its content.

    Raises:
        WeightsError: the file is missing or no checkpoint, or keys are missing, unknown or of another shape.
    """
    if isinstance(path_or_state_dict, Mapping):
        source, state = "the state dict", path_or_state_dict
    else:
        source, state = str(path_or_state_dict), _read(Path(path_or_state_dict))
    state = _without_prefixes(_checked(state, source))
    if complaints := _complaints(net.state_dict(), state):
        raise WeightsError(f"{source} does not fit {type(net).__name__}: {'; '.join(complaints)}")
    net.load_state_dict(state)


def _read(path: Path) -> Mapping:
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; give the file of a published checkpoint")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged file raises depends on which byte is damaged
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise WeightsError(f"{path} cannot be read as a checkpoint; fetch it again ({reason[0][:120]})") from error


def _checked(state: object, source: str) -> Mapping[str, torch.Tensor]:
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not state:
        raise WeightsError(f"{source} holds no state dict but {type(state).__name__}")
    strangers = [str(k) for k, v in state.items() if not (isinstance(k, str) and isinstance(v, torch.Tensor))]
    if strangers:
        raise WeightsError(f"{source} holds no plain state dict: {_listing('entries that are no tensors', strangers)}")
    return state


def _without_prefixes(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return dict(state)


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


def _listing(what: str, names: list[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return f"{len(names)} {what} ({', '.join(names[:_LISTED])}{more})"
