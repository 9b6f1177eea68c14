"""Types in words that people use."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from distill.system.choice import Choice

_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}


def plain_type(kind: Any) -> str:
    """A type in plain words, such as `list of whole numbers`."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in _WORDS:
        return _WORDS[kind]
    if kind is Choice:
        return "name, or mapping of a name and options"
    if is_dataclass(kind):
        return f"mapping of {_names(kind)}"
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin in (list, tuple):
        several = parts and all(part is parts[0] for part in parts) and origin is tuple
        return f"{len(parts)} {_plural(parts[0])}" if several else f"list of {_plural(parts[0])}"
    if origin in (dict, Mapping) or kind in (dict, Mapping):
        return "mapping"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(each.name for each in kind)}"
    if parts:
        return " or ".join(plain_type(part) for part in parts if part is not NoneType)
    return getattr(kind, "__name__", str(kind))


def _plural(kind: Any) -> str:
    if is_dataclass(kind):
        return f"mappings of {_names(kind)}"
    words = plain_type(kind)
    return words if kind is bool else f"{words}s"


def _names(kind: Any) -> str:
    return ", ".join(field.name for field in fields(kind))
