"""The forms in which people have checkpoints, brought to a plain state dict."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from teachers.errors import WeightsError

WRAPPERS = (
    "state_dict_ema",
    "model_ema",
    "ema",
    "ema_state_dict",
    "state_dict",
    "model_state_dict",
    "model",
    "network",
)
"Entries under which trainings keep their weights; a moving average comes first, because it is what is evaluated."
PREFIXES = ("module.", "1.", "model.", "net.", "network.", "_orig_mod.")
"What parallel training, half precision, wrapping modules and compilation put before every key."
MMPOSE = ("backbone.", "keypoint_head.", "head.")
"What mmpose puts before the keys of a backbone and of a head."
_LIGHTNING = "pytorch-lightning_version"
_DEPTH = 3
_NUMPY = [
    np.ndarray,
    np.dtype,
    *(kind for kind in vars(np.dtypes).values() if isinstance(kind, type) and kind is not np.dtypes.ObjectDType),
    *(
        (getattr(np._core.multiarray, name), f"numpy.{place}.multiarray.{name}")
        for name in ("_reconstruct", "scalar")
        for place in ("core", "_core")
    ),
]
"What arrays and numbers of numpy are made by; none of it runs code."


def read_checkpoint(path: Path) -> Mapping:
    """Content of a `.pth`, `.pth.tar`, `.ckpt` or `.safetensors` file, of which no code is run.

    Raises:
        WeightsError: the file is missing, damaged or a whole pickled model.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; give the file of a published checkpoint")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals(_NUMPY):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged file raises depends on which byte is damaged
        reason = str(error).strip().splitlines() or [type(error).__name__]
        if stranger := re.search(r"GLOBAL (\S+) was not an allowed global", str(error)):
            raise WeightsError(
                f"{path} cannot be read as a checkpoint: it holds a pickled {stranger[1]}, and to read that would run "
                "code; where it was written, save the model's state_dict() alone"
            ) from error
        raise WeightsError(f"{path} cannot be read as a checkpoint; fetch it again ({reason[0][:120]})") from error


def plain_state(content: object, source: str, expected: Iterable[str]) -> dict[str, torch.Tensor]:
    """The state dict within a checkpoint's content, under the names of a network.

    Args:
        source: what messages call it.
        expected: keys of the network.

    Raises:
        WeightsError: there is none.
    """
    is_lightning = isinstance(content, Mapping) and _LIGHTNING in content
    state = _unwrapped(content)
    if not isinstance(state, Mapping) or not state:
        raise WeightsError(f"{source} holds no state dict but {type(state).__name__}")
    state = {key: _as_tensor(value) for key, value in state.items()}
    strangers = [str(k) for k, v in state.items() if not (isinstance(k, str) and isinstance(v, torch.Tensor))]
    if strangers:
        raise WeightsError(
            f"{source} holds no plain state dict: {len(strangers)} entries that are no tensors "
            f"({', '.join(strangers[:3])}{', ...' if len(strangers) > 3 else ''})"
        )
    return _renamed(state, set(expected), is_lightning)


def _unwrapped(content: object) -> object:
    for _ in range(_DEPTH):
        if not isinstance(content, Mapping):
            break
        inner = next((content[name] for name in WRAPPERS if isinstance(content.get(name), Mapping)), None)
        if inner is None:
            break
        content = inner
    return content


def _as_tensor(value: object) -> object:
    """Arrays and numbers of numpy as tensors, as far as torch has their type; all else as it is."""
    if not isinstance(value, np.ndarray | np.generic):
        return value
    try:
        return torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("=")))
    except TypeError:
        return value


def _renamed(state: dict[str, torch.Tensor], expected: set[str], is_lightning: bool) -> dict[str, torch.Tensor]:
    """Without prefixes; of a Lightning module only what belongs to the network."""
    if is_lightning and (prefix := _attribute(state, expected)):
        state = {key: value for key, value in state.items() if key.startswith(prefix)}
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    if all(key.startswith(MMPOSE) for key in state):
        return {key.partition(".")[2]: value for key, value in state.items()}
    return state


def _attribute(state: Mapping[str, torch.Tensor], expected: set[str]) -> str | None:
    """Name, with a dot, under which a Lightning module has the network: the one with most of its keys."""
    names = {key.split(".")[0] + "." for key in state if "." in key}
    known = {name: sum(key.removeprefix(name) in expected for key in state if key.startswith(name)) for name in names}
    best = max(sorted(known), key=known.get, default=None)
    return best if best and known[best] else None
