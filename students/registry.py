"""The students by name: each file of this package enters its own."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

import students

NETWORKS: dict[str, Callable[..., nn.Module]] = {}
"What makes each student: called with `outputs`, channels by output name, and the student's own options."

SHORT: dict[str, tuple[str, dict[str, Any]]] = {}
"Short names, each of a student with some of its options."


def register(
    name: str,
    *,
    short: Mapping[str, Mapping[str, Any]] | None = None,
    outputs: Iterable[str] | Mapping[str, Mapping[str, Any]] = ("heatmaps", "tags"),
) -> Callable[[Callable], Callable]:
    """Decorator that enters a class or function under a name.

    It takes `outputs`, a mapping from output name to channels, and typed keyword-only options that its docstring
    explains; what it makes turns images (B, 3, H, W) into a dictionary of maps NAME_sSTRIDE (B, channels, h, w).

    Args:
        short: further names, each for some of the options.
        outputs: what it gives when nobody says otherwise; as a mapping also with options of these outputs.

    Raises:
        ValueError: something else has one of the names.
    """

    def enter(make: Callable) -> Callable:
        make.default_outputs = outputs if isinstance(outputs, Mapping) else {output: {} for output in outputs}
        for own, options in {name: {}, **(short or {})}.items():
            known = SHORT.get(own, (own, {}))
            if (own in NETWORKS and _place(NETWORKS[own]) != _place(make)) or known[0] not in (own, name):
                raise ValueError(f"two students are called {own!r}; give {_place(make)} another name")
            if own != name:
                SHORT[own] = (name, dict(options))
        NETWORKS[name] = make
        return make

    return enter


def load():
    """Import every file of this package, so that what it enters is known."""
    for module in pkgutil.iter_modules(students.__path__):
        importlib.import_module(f"students.{module.name}")


def _place(make: Callable) -> str:
    return f"{make.__module__}.{make.__qualname__}"
