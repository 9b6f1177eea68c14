"""Teachers, and the networks that some of them are, by name."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

import teachers

TEACHERS: dict[str, Callable] = {}
"What makes each teacher: called with `Surroundings` and the teacher's options, it gives a `Teacher`."
NETWORKS: dict[str, Callable[..., nn.Module]] = {}
"What makes each network: called with channels by output name and options. `default_outputs` names its outputs."
SHORT: dict[str, tuple[str, dict[str, Any]]] = {}
"Short names: a network and the options that they stand for."


def register(name: str) -> Callable[[Callable], Callable]:
    """Decorator that enters a teacher's class or function under a name.

    Raises:
        ValueError: another file has entered one of that name.
    """
    return partial(_enter, TEACHERS, name)


def register_network(
    name: str, *, short: Mapping[str, Mapping[str, Any]] | None = None, outputs: tuple[str, ...] = ()
) -> Callable[[Callable], Callable]:
    """Decorator that enters a network's factory under a name.

    Args:
        short: further names, and the options that each stands for.
        outputs: names of the outputs it has where nobody says which.

    Raises:
        ValueError: another file has entered one of that name.
    """

    def enter(factory: Callable) -> Callable:
        factory.default_outputs = outputs
        for word in (name, *(short or {})):
            if SHORT.get(word, (name,))[0] != name or (word != name and word in NETWORKS):
                raise ValueError(f"two networks are called {word!r}; give one another name")
        SHORT.update({word: (name, dict(options)) for word, options in (short or {}).items()})
        return _enter(NETWORKS, name, factory)

    return enter


def load():
    """Import every file of this package, so that what it enters is known."""
    for module in pkgutil.iter_modules(teachers.__path__):
        importlib.import_module(f"teachers.{module.name}")


def _enter(entries: dict[str, Callable], name: str, entry: Callable) -> Callable:
    known = entries.setdefault(name, entry)
    if inspect.getsourcefile(known) != inspect.getsourcefile(entry):
        raise ValueError(f"{name!r} is in {inspect.getsourcefile(known)} and in {inspect.getsourcefile(entry)}")
    entries[name] = entry
    return entry
