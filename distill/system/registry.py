"""Registries: what a file adds to the project enters one by itself and is then found by its name."""

import importlib
import inspect
import pkgutil
import re
from argparse import ArgumentError
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

from jsonargparse import ArgumentParser, set_parsing_settings

from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.imports import import_entry_points
from distill.system.type_words import plain_type

set_parsing_settings(docstring_parse_attribute_docstrings=True)


class Registry:
    """Things of one kind by name.

    Args:
        kind: what messages call such a thing, such as "schedule".
        package: dotted name of the package whose modules enter what they hold; they are imported at the first look-up.
        entries: where they enter it, if that is a mapping of the package's own.
        common: a dataclass whose options everything of this kind takes beside its own.
    """

    def __init__(self, kind: str, package: str, entries: dict[str, Any] | None = None, common: type | None = None):
        self.kind, self.package, self.common = kind, package, common
        self._entries = {} if entries is None else entries
        self._is_loaded = False

    def register(self, name: str) -> Callable[[Any], Any]:
        """Decorator that enters a class or function under a name.

        Its options are the fields of a dataclass, or the keyword-only parameters of anything else; each has a type,
        and a docstring says what it means.

        Raises:
            InputError: something else has that name.
        """

        def enter(entry: Any) -> Any:
            known = self._entries.setdefault(name, entry)
            if known is not entry and _source(known) != _source(entry):
                raise InputError(f"two {self.kind}s are called {name!r}: in {_source(known)} and in {_source(entry)}")
            self._entries[name] = entry
            return entry

        return enter

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._loaded())

    def get(self, name: str) -> Any:
        """What has that name.

        Raises:
            InputError: nothing has.
        """
        if name not in self._loaded():
            known = f"choose from {', '.join(self.names())}, or " if self.names() else ""
            raise InputError(f"{self.kind} {name!r} is unknown; {known}name the file that has it in imports")
        return self._entries[name]

    def build(self, choice: Choice, *given: Any) -> Any:
        """What was chosen, called with what is given and with its options.

        Raises:
            InputError: the name or an option is unknown, or a value does not fit.
        """
        target = self.get(choice.name)
        return target(*given, **checked_options(target, choice.options, f"{self.kind} {choice.name}"))

    def _loaded(self) -> dict[str, Any]:
        if not self._is_loaded:
            import_modules(self.package)
            import_entry_points()
            self._is_loaded = True
        return self._entries


def import_modules(package: str):
    """Import all modules of a package, so that what they register is known."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")


def option_names(target: Any) -> list[str]:
    """Names of the options of a dataclass, class or function."""
    if is_dataclass(target):
        return [field.name for field in fields(target) if field.init]
    parameters = inspect.signature(target).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def required_options(target: Any) -> list[str]:
    """Names of those options of a class or function that have no default."""
    parameters = inspect.signature(target).parameters
    return [name for name in option_names(target) if parameters[name].default is inspect.Parameter.empty]


def all_options(target: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they are given, and the defaults of those that are not, of a dataclass, class or function."""
    if is_dataclass(target):
        defaults = {field.name: _default(field) for field in fields(target) if field.init}
    else:
        parameters = inspect.signature(target).parameters
        defaults = {name: parameters[name].default for name in option_names(target)}
    missing = (MISSING, inspect.Parameter.empty)
    given = {name: value for name, value in defaults.items() if not any(value is each for each in missing)}
    return given | dict(options)


def options_parser(target: Any, prefix: str = "") -> ArgumentParser:
    """A parser of a target's options, which also explains them; option names begin with the prefix."""
    parser = ArgumentParser(exit_on_error=False, usage="", add_help=False)
    names = set(option_names(target))
    if inspect.isclass(target):
        parameters = inspect.signature(target.__init__).parameters
        skip = {name for name in parameters if name not in names} - {"self"}
        parser.add_class_arguments(target, prefix or None, skip=skip, as_group=False)
    else:
        skip = {name for name in inspect.signature(target).parameters if name not in names}
        parser.add_function_arguments(target, prefix or None, skip=skip, as_group=False)
    return parser


def checked_options(target: Any, options: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The options given to a target, each of the type it asks for.

    Args:
        owner: what messages call the target, such as "model attention".

    Raises:
        InputError: an option is unknown, or its value is of another type.
    """
    known = option_names(target)
    for name in options:
        if name not in known:
            its = f"its options are {', '.join(known)}" if known else "it has no options"
            raise InputError(f"{owner} has no option {name!r}; {its}")
    parser = options_parser(target)
    try:
        namespace = parser.instantiate(parser.parse_object(dict(options)))
    except ArgumentError as error:
        raise InputError(f"{owner}: {_complaint(target, options, str(error))}") from None
    return {name: namespace[name] for name in options}


def _default(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _complaint(target: Any, options: Mapping[str, Any], error: str) -> str:
    """What is wrong with a value, in plain words where it is its type."""
    found = re.search(r'Parser key "(\w+)"', error)
    if found is None or found[1] not in options:
        return " ".join(error.split())
    hints = get_type_hints(target if is_dataclass(target) or not inspect.isclass(target) else target.__init__)
    return f"{found[1]} is {options[found[1]]!r}; it takes: {plain_type(hints.get(found[1], Any))}"


def _source(entry: Any) -> str:
    module = inspect.getmodule(entry)
    return getattr(module, "__file__", None) or getattr(module, "__name__", "?")
