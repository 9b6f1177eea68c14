"""The outputs by name, and the heads of one network."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from distill.heads.contract import Head
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.json_values import to_json_values
from distill.system.registry import Registry

HEADS = Registry("output", "distill.heads")

OutputOptions = Mapping[str, Mapping[str, Any] | bool | None]
"Options of outputs by name; false leaves an output out."


def make_heads(default: Iterable[str] | OutputOptions, options: OutputOptions) -> dict[str, Head]:
    """The heads of a network by output name.

    Args:
        default: names of what the network gives when nobody says otherwise, or these with options.
        options: of these, where they win, and of outputs beside them.

    Raises:
        InputError: an output or an option is unknown, or no output is left.
    """
    given = default if isinstance(default, Mapping) else {name: {} for name in default}
    names = [*given, *(name for name in options if name not in given)]
    heads = {
        name: _make(name, options.get(name), given.get(name) or {}) for name in names if options.get(name) is not False
    }
    if not heads:
        raise InputError("outputs leaves no output; a network needs at least one")
    return heads


def known_heads(names: Iterable[str]) -> dict[str, Head]:
    """Heads with their default options for those outputs that are known here."""
    known = HEADS.names()
    return {name: _default(name) for name in names if name in known}


def decoding_head(heads: Mapping[str, Head], names: Collection[str]) -> Head:
    """The head that finds people, from as many of the outputs as possible; of equals the first by name.

    Args:
        names: of the outputs that are there.

    Raises:
        InputError: nobody can be found in them.
    """
    able = [heads[name] for name in sorted(heads) if heads[name].decodes and set(heads[name].decodes) <= set(names)]
    if not able:
        raise InputError(f"the outputs {', '.join(sorted(names))} do not show where people are; heatmaps do")
    return max(able, key=lambda head: len(head.decodes))


def plain_heads(heads: Mapping[str, Head]) -> dict[str, dict[str, Any]]:
    """Options by output name, from which `make_heads` makes the same heads again."""
    return {name: to_json_values(head) for name, head in heads.items()}


@cache
def _default(name: str) -> Head:
    """Made once: an exported model asks for every photograph, and checking options takes longer than small networks."""
    return _make(name, None)


def _make(name: str, options: Mapping[str, Any] | bool | None, default: Mapping[str, Any] | None = None) -> Head:
    if options is not None and options is not True and not isinstance(options, Mapping):
        raise InputError(f"outputs.{name} must be options such as {{weight: 0.1}}, or false to leave it out")
    given = options if isinstance(options, Mapping) else {}
    return HEADS.build(Choice(name, {**(default or {}), **given}))
