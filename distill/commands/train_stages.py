"""Several trainings in one recipe, each from the weights of the one before."""

from collections.abc import Mapping
from typing import Any

import yaml

from distill.commands.cli import load_config
from distill.networks.checkpoint import CheckpointInfo, read_checkpoint
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.imports import imported
from distill.system.json_values import to_json_values
from distill.training.config import TrainConfig
from distill.training.resume import LAST

OF_THE_WHOLE = ("out", "stages", "check", "resume", "precision")
"What a stage cannot have of its own."


def stage_configs(config: TrainConfig) -> dict[str, TrainConfig]:
    """The configuration of each stage by name, in order; each is also written to OUT/NAME.yaml.

    Raises:
        InputError: a stage's name is no folder's name, or a setting of it is unknown or does not fit.
        OSError: `out` cannot be written.
    """
    whole = {name: value for name, value in to_json_values(config).items() if name not in ("out", "stages", "check")}
    configs, weights = {}, config.weights
    for name, settings in config.stages.items():
        if not name or "/" in name or name.startswith("."):
            raise InputError(f"stages names {name!r}; a stage is a folder of out, so give it a plain name")
        own = _nested(settings)
        if taken := next((key for key in OF_THE_WHOLE if key in own), None):
            raise InputError(f"stages.{name}.{taken} cannot be set: it is of the whole; leave it out")
        folder = config.out / name
        values = _merged(whole, {"weights": None if weights is None else str(weights)})
        values = _merged(values, own) | {"out": str(folder), "resume": config.resume}
        config.out.mkdir(parents=True, exist_ok=True)
        recipe = config.out / f"{name}.yaml"
        named = [file["path"] if file["given"].endswith(".py") else file["given"] for file in imported()]
        values |= {"imports": named} if named else {}
        write_atomically(recipe, yaml.safe_dump(values, sort_keys=False))
        configs[name] = load_config(TrainConfig, recipe, {})
        weights = folder / LAST
    return configs


def is_finished(config: TrainConfig) -> CheckpointInfo | None:
    """What the last checkpoint of a stage says that is to be gone on with and has nothing left to do."""
    path = config.out / LAST
    if config.resume != "auto" or not path.exists():
        return None
    info, _, _ = read_checkpoint(path)
    return info if info.step >= config.steps else None


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with dotted names as nested ones."""
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        for part in reversed(name.split(".")[1:]):
            value = {part: value}
        nested = _merged(nested, {name.split(".")[0]: value})
    return nested


def _merged(whole: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with others on top; what is chosen anew by name has none of the old options."""
    merged = dict(whole)
    for name, value in more.items():
        old = merged.get(name)
        is_another = isinstance(value, Mapping) and "name" in value and isinstance(old, Mapping)
        is_another = is_another and value["name"] != old.get("name")
        if isinstance(value, Mapping) and isinstance(old, Mapping) and not is_another:
            value = _merged(old, value)
        merged[name] = value
    return merged
