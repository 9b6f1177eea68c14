"""Where a run goes on, and whether it is the same run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.networks.checkpoint import CheckpointInfo, read_checkpoint
from distill.system.errors import InputError
from distill.system.json_values import to_json_values
from distill.system.notes import note
from distill.training.config import TrainConfig

LAST, PREVIOUS = "last.safetensors", "previous.safetensors"
"The two latest states that a run can be resumed from."

MAY_CHANGE = ("out", "limit", "weights", "steps", "accumulate", "resume", "log", "stages", "check")
"Settings of a run that another one which goes on with it need not share; of `data` only what it holds counts."

OF_SOFT_LABELS = ("sure_score", "whole_maps", "teacher_outlines")
"Settings of `data` that say what is made of a teacher's labels."


def identity_of(config: TrainConfig, resolved: Mapping[str, Any], sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What makes a run what it is, as JSON values.

    Args:
        resolved: what the settings came to, such as the network's options in full and the precision that auto chose;
            these stand in the place of the settings of the same names.
        sets: what makes each set that it learns from what it is, the first one first.
    """
    settings = {name: value for name, value in to_json_values(config).items() if name not in MAY_CHANGE}
    data, has_labels = config.data, any(each["labels"] for each in sets)
    settings["data"] = {
        **sets[0],
        "val_split": data.val_split,
        **({name: getattr(data, name) for name in OF_SOFT_LABELS} if has_labels else {}),
        "more": {str(number): each for number, each in enumerate(sets[1:], 1)},
    }
    return json.loads(json.dumps(settings | to_json_values(resolved)))


def start_of(config: TrainConfig) -> Path | None:
    """The checkpoint to go on from, or None to start anew.

    Raises:
        InputError: the folder already holds a run that is not to be gone on with, or no state of it can be read.
    """
    kept = [config.out / name for name in (LAST, PREVIOUS) if (config.out / name).exists()]
    if config.resume == "auto":
        return _first_readable(kept)
    path = None if config.resume == "false" else Path(config.resume)
    if kept and (path is None or path.resolve().parent != config.out.resolve()):
        raise InputError(f"{config.out} already holds a run; set resume to auto, or choose another out")
    return path


def _first_readable(paths: Sequence[Path]) -> Path | None:
    for path in paths:
        try:
            read_checkpoint(path)
            return path
        except InputError as error:
            if path == paths[-1]:
                raise
            note(f"{error}; the state before it is taken")
    return None


def check_same_run(path: Path, info: CheckpointInfo, identity: Mapping[str, Any]):
    """Refuse to go on with another run.

    Raises:
        InputError: names the first setting that differs, as it is in the checkpoint and as it is now.
    """
    if not info.identity:
        raise InputError(
            f"cannot resume {path}: it was written by a version whose losses were others; start from it by weights"
        )
    for name, found, wanted in _differences(info.identity, identity):
        raise InputError(
            f"cannot resume {path}: its {name} is {_short(found)}, this run's is {_short(wanted)}; change it back, or "
            "choose another out"
        )


def _differences(found: Any, wanted: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key in dict.fromkeys((*wanted, *found)):
            yield from _differences(found.get(key), wanted.get(key), f"{name}.{key}" if name else key)
    elif found != wanted:
        yield name, found, wanted


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
