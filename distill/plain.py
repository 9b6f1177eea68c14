"""Configurations as plain values."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def to_plain(config: Any) -> Any:
    """A configuration as dicts, lists, strings and numbers, ready for JSON or YAML."""
    if is_dataclass(config):
        return {f.name: to_plain(getattr(config, f.name)) for f in fields(config)}
    if isinstance(config, Mapping):
        return {key: to_plain(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [to_plain(value) for value in config]
    return config if config is None or isinstance(config, bool | int | float) else str(config)
