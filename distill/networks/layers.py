"""Layers of a network by name."""

from torch import nn

from distill.system.errors import InputError


def layer_of(network: nn.Module, name: str, setting: str) -> nn.Module:
    """The module of that name.

    Args:
        setting: where the name was given, for the error.

    Raises:
        InputError: there is none.
    """
    modules = dict(network.named_modules())
    if not name or name not in modules:
        parent = next((part for part in _above(name) if part in modules), "")
        known = ", ".join(f"{parent}.{child}".lstrip(".") for child, _ in modules[parent].named_children())
        raise InputError(f"{setting} names {name!r}, which this network has not; choose from {known or parent}")
    return modules[name]


def _above(name: str) -> list[str]:
    """Names of what would hold it, nearest first."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(len(parts) - 1, -1, -1)]
