"""The settings of a configuration dataclass by their dotted names, and what is chosen by name among them."""

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import NoneType
from typing import Any, Protocol, get_args, get_origin, get_type_hints

from jsonargparse import get_loader
from yaml import YAMLError

from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.registry import option_names

load_yaml = get_loader("yaml")


class Names(Protocol):
    """What a field's metadata gives as `registry`: things of one kind by name.

    It may also have `expanded(choice)`, the same choice without a short name, such as attention with size s for
    attention_s, and `common`, a class whose options every choice takes beside its own.
    """

    def names(self) -> list[str]:
        """All names."""

    def get(self, name: str) -> Any:
        """The class or function of that name; raises InputError where there is none."""


@dataclass(frozen=True)
class Setting:
    """One field of a configuration."""

    name: str
    "Dotted, such as data.root."
    kind: Any
    "Its type; without None where it may be that."
    default: Any
    "MISSING where it is required."
    registry: Names | None
    "Where its names, or the keys of a mapping, are found."


def settings_of(config_class: type, prefix: str = "", default: Any = None) -> list[Setting]:
    """All fields of a configuration, each nested one before its own fields."""
    kinds, found = get_type_hints(config_class), []
    for field in fields(config_class):
        value = _default(field) if default is None else getattr(default, field.name)
        setting = Setting(prefix + field.name, _without_none(kinds[field.name]), value, field.metadata.get("registry"))
        found.append(setting)
        if is_dataclass(setting.kind):
            found += settings_of(setting.kind, f"{setting.name}.", None if value is MISSING else value)
    return found


def is_list(kind: Any) -> bool:
    """Whether a type is a list or a tuple."""
    return get_origin(kind) in (list, tuple)


def may_be_list(kind: Any) -> bool:
    """Whether a type is a number or a list of them, such as one side or width and height."""
    return any(is_list(each) for each in get_args(kind)) and not is_list(kind)


def option_kinds(target: Any) -> dict[str, Any]:
    """Types of the options of a class or function, None left out."""
    hints = get_type_hints(target if is_dataclass(target) or not inspect.isclass(target) else target.__init__)
    return {name: _without_none(hints.get(name, Any)) for name in option_names(target)}


def value_of(text: str) -> Any:
    """What text says as YAML; text that is none is itself."""
    try:
        return load_yaml(text)
    except YAMLError:
        return text


@dataclass(frozen=True)
class Chosen:
    """A thing that is chosen, for its help."""

    heading: str
    "What it is, such as model attention."
    prefix: str
    "What its options begin with, such as model."
    target: Any
    "The class or function whose options they are."
    options: Mapping[str, Any]
    "Those that differ from the target's own defaults."


class OpenChoice:
    """A choice as it grows from default, files and command line; options of the command line outlive a new name."""

    def __init__(self, setting: Setting):
        self.setting, self.is_given = setting, False
        self._base = setting.default if isinstance(setting.default, Choice) else Choice("")
        self._extra: dict[str, Any] = {}

    @property
    def value(self) -> Choice:
        """The choice so far."""
        return Choice(self._base.name, merge(self._base.options, self._extra))

    def take_file(self, value: Any):
        """What a file says: a name alone starts anew, options alone go to what was chosen."""
        self._base, self._extra, self.is_given = self.value.merged(Choice.of(value)), {}, True

    def take_line(self, value: Any):
        """What the command line says of the whole: a name, or a mapping."""
        choice = Choice.of(value)
        self._extra = {name: each for name, each in self._extra.items() if name not in choice.options}
        self._base, self.is_given = self._base.merged(choice), True

    def take_option(self, path: list[str], value: Any):
        """What the command line says of one option."""
        if path == ["name"]:
            self.take_line(str(value))
        else:
            self._extra, self.is_given = merge(self._extra, _nested(path, value)), True

    def names_something(self, path: list[str]) -> bool:
        """Whether an option says what is chosen, rather than something of it."""
        return path in ([], ["name"])

    def kind_of(self, path: list[str]) -> Any:
        """Type of an option of what is chosen; Any where that is not known."""
        if self.setting.registry is None or len(path) != 1 or not self.value.name:
            return Any
        registry = self.setting.registry
        kinds = option_kinds(registry.common) if getattr(registry, "common", None) else {}
        return (kinds | option_kinds(registry.get(self.value.name))).get(path[0], Any)

    def chosen(self) -> list[Chosen]:
        """What is chosen, where its registry is known, and what is common to all that may be chosen."""
        name, common = self.setting.name, getattr(self.setting.registry, "common", None)
        every = [Chosen(f"every {name}", name, common, self.value.options)] if common else []
        return [_chosen(self.setting, self.value.name, name, self.value.options), *every]

    def plain(self) -> dict[str, Any]:
        """The choice as plain values."""
        return self.value.plain()


class OpenMapping:
    """A mapping from names to options as it grows from default, files and command line; a file replaces the whole."""

    def __init__(self, setting: Setting):
        self.setting, self.is_given = setting, False
        self.value: dict[str, Any] = dict(setting.default) if isinstance(setting.default, Mapping) else {}

    def take_file(self, value: Any):
        """What a file, or the command line, says of the whole."""
        if not isinstance(value, Mapping):
            raise InputError(f"{self.setting.name} must be a mapping from names to options, not {value!r}")
        self.value, self.is_given = dict(value), True

    take_line = take_file

    def take_option(self, path: list[str], value: Any):
        """What the command line says of one entry, or of one option of it."""
        self.value, self.is_given = merge(self.value, _nested(path, value)), True

    def names_something(self, path: list[str]) -> bool:
        """Whether an option says what is chosen, rather than something of it."""
        return not path

    def kind_of(self, path: list[str]) -> Any:
        """Type of an option of an entry; Any where that is not known."""
        if self.setting.registry is None or len(path) != 2:
            return Any
        return option_kinds(self.setting.registry.get(path[0])).get(path[1], Any)

    def chosen(self) -> list[Chosen]:
        """All that can be entered, with what is given to it."""
        name = self.setting.name
        given = {key: options for key, options in self.value.items() if isinstance(options, Mapping)}
        entries = {key: {} for key in self.setting.registry.names()} | given
        return [_chosen(self.setting, key, f"{name}.{key}", options) for key, options in entries.items()]

    def plain(self) -> dict[str, Any]:
        """The mapping as plain values."""
        return self.value


def open_settings(settings: list[Setting]) -> list[OpenChoice | OpenMapping]:
    """Those of the settings whose options the configuration itself does not know."""
    found: list[OpenChoice | OpenMapping] = []
    for setting in settings:
        if setting.kind is Choice:
            found.append(OpenChoice(setting))
        elif get_origin(setting.kind) in (dict, Mapping) and _is_mapping(get_args(setting.kind)[1]):
            found.append(OpenMapping(setting))
    return found


def merge(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The first mapping with the other's entries on top, mappings inside likewise."""
    merged = dict(one)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def _chosen(setting: Setting, name: str, prefix: str, options: Mapping[str, Any]) -> Chosen:
    choice = Choice(name, options)
    if hasattr(setting.registry, "expanded"):
        choice = setting.registry.expanded(choice)
    kind = setting.name.rpartition(".")[2]
    return Chosen(f"{kind} {name}", prefix, setting.registry.get(name), choice.options)


def _nested(path: list[str], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _default(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _without_none(kind: Any) -> Any:
    """The one type beside None of an optional, any other type as it is."""
    others = [each for each in get_args(kind) if each is not NoneType]
    return others[0] if len(others) == 1 and NoneType in get_args(kind) else kind


def _is_mapping(kind: Any) -> bool:
    return kind is Any or (get_origin(kind) or kind) in (dict, Mapping)
