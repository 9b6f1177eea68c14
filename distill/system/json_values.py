"""Configurations as values that JSON and YAML know."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from distill.system.choice import Choice


def to_json_values(config: Any) -> Any:
    """A configuration as dicts, lists, strings and numbers; a choice is a dict with its name and options."""
    if isinstance(config, Choice):
        return to_json_values(config.plain())
    if is_dataclass(config):
        return {f.name: to_json_values(getattr(config, f.name)) for f in fields(config)}
    if isinstance(config, Mapping):
        return {key: to_json_values(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [to_json_values(value) for value in config]
    return config if config is None or isinstance(config, bool | int | float) else str(config)
