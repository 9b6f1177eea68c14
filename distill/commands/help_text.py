"""Help that people read: the description first, each setting with its meaning, type and default in plain words."""

from argparse import SUPPRESS, Action
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from functools import partial
from typing import Any

from jsonargparse import ArgumentParser, DefaultHelpFormatter

from distill.commands.settings import Chosen, Setting, is_list, option_kinds
from distill.system.choice import Choice
from distill.system.registry import options_parser
from distill.system.type_words import plain_type


class HelpParser(ArgumentParser):
    """A parser whose help begins with what the command does."""

    summary = ""
    usage_line = ""
    kinds: Mapping[str, Any] = {}
    "Types by dotted name."
    chosen: tuple[Chosen, ...] = ()
    "What is chosen by name, whose options are explained at the end."
    names: Mapping[str, list[str]] = {}
    "Names that a setting may have, by its own dotted name."

    def describe(self, summary: str, settings: list[Setting]):
        """Say what the command does and what its settings are."""
        required = [each for each in settings if each.default is MISSING and not is_dataclass(each.kind)]
        words = [each.name.upper() for each in required if "." not in each.name]
        words += [f"--{each.name} {_last(each.name)}" for each in required if "." in each.name]
        self.summary, self.usage_line = summary, " ".join([*words, "[options]"])
        self.kinds = {each.name: each.kind for each in settings}

    def explain(self, chosen: list[Chosen], settings: list[Setting]):
        """Show the options of what is chosen by name, and what else may be chosen."""
        self.chosen = tuple(chosen)
        self.names = {each.name: each.registry.names() for each in settings if each.registry is not None}

    def format_help(self, *args) -> str:
        """The whole text."""
        self.usage = SUPPRESS
        self.formatter_class = partial(HelpText, kinds=self.kinds, names=self.names)
        text = f"{self.summary}\n\nusage: {self.prog} {self.usage_line}\n\n{super().format_help(*args)}"
        return text + "".join(_options_of(each) for each in self.chosen)


class HelpText(DefaultHelpFormatter):
    """Writes types and defaults in plain words.

    Args:
        kinds: types by dotted name.
        names: what a setting may be chosen from, by dotted name.
    """

    def __init__(self, prog: str, kinds: Mapping[str, Any], names: Mapping[str, list[str]], **options):
        super().__init__(prog, **options)
        self._kinds, self._names = kinds, names

    def _get_type_str(self, action: Action) -> str | None:
        if names := self._names.get(action.dest):
            kind = "one of" if self._kinds[action.dest] is Choice else "mapping from"
            return f"{kind} {', '.join(names)}"
        return plain_type(self._kinds[action.dest]) if action.dest in self._kinds else None

    def _get_help_string(self, action: Action) -> str:
        if action.option_strings and is_dataclass(self._kinds.get(action.dest)):
            prefix = f"{action.dest}."
            return f"YAML file with the settings that begin with {prefix}, which are named without it there."
        return super()._get_help_string(action)

    def _expand_help(self, action: Action) -> str:
        default = action.default
        action.default = default if default == SUPPRESS else plain_value(default)
        try:
            return super()._expand_help(action)
        finally:
            action.default = default

    def _format_action_invocation(self, action: Action) -> str:
        kind = self._kinds.get(action.dest)
        if not action.option_strings or kind is None or is_dataclass(kind):
            return super()._format_action_invocation(action)
        value = "[true|false]" if kind is bool else _last(action.dest) + (" ..." if is_list(kind) else "")
        return f"{action.option_strings[0]} {value}"


def plain_value(value: Any) -> str:
    """A default as it would be written on the command line."""
    if value is None or value == [] or value == () or value == {}:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} ({plain_value(each)})" if each else str(key) for key, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _options_of(chosen: Chosen) -> str:
    kinds = {f"{chosen.prefix}.{name}": kind for name, kind in option_kinds(chosen.target).items()}
    if not kinds:
        return f"\noptions of {chosen.heading}: it has none\n"
    parser = options_parser(chosen.target, chosen.prefix)
    given = {f"{chosen.prefix}.{name}": value for name, value in chosen.options.items()}
    parser.set_defaults({name: value for name, value in given.items() if name in kinds})
    parser.usage = SUPPRESS
    parser.formatter_class = partial(HelpText, kinds=kinds, names={})
    return f"\noptions of {chosen.heading}:\n{parser.format_help().partition('options:')[2].lstrip(chr(10))}"


def _last(name: str) -> str:
    return name.rpartition(".")[2].upper()
