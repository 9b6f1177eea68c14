"""A command line as people write it, turned into one value an option; imports come first."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, is_dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from yaml import YAMLError

from distill.commands.settings import (
    Chosen,
    OpenChoice,
    OpenMapping,
    is_list,
    load_yaml,
    may_be_list,
    open_settings,
    settings_of,
    value_of,
)
from distill.system.imports import import_entry_points, import_files
from distill.system.json_values import to_json_values

_OPTION = re.compile(r"--?[A-Za-z]|--$")
_SWITCHES = ("true", "false")


@dataclass
class _Group:
    """An option with all that follows it, up to the next option; without a name what stands before the first."""

    option: str
    values: list[str] = field(default_factory=list)
    is_joined: bool = False
    "Whether the first value stands behind an equals sign."

    @property
    def name(self) -> str:
        return self.option.removeprefix("--")

    def words(self) -> list[str]:
        """As it was written."""
        first = [f"{self.option}={self.values[0]}"] if self.is_joined else [self.option, *self.values[:1]]
        return [word for word in first if word] + self.values[1:]


class Arguments:
    """The arguments of a command that one configuration dataclass describes.

    Files and modules that they name in `imports`, or that a configuration file names, are imported here, before
    anything is looked up by name.

    Raises:
        InputError: an import fails, or something of an unknown name is given options.
    """

    def __init__(self, arguments: Sequence[str], config_class: type):
        self.settings = settings_of(config_class)
        self._groups = _split(arguments)
        import_entry_points()
        for group in self._groups:
            if group.name == "imports":
                import_files(group.values)
            elif group.name == "config" and group.values:
                import_files(_names(_read(group.values[0]).get("imports")), Path(group.values[0]).parent)
        self._named = {each.setting.name: each for each in self._fold(only_names=True)[0]}
        self._open, self.words = self._fold(only_names=False)

    @property
    def asks_for_help(self) -> bool:
        """Whether help is wanted instead of the command."""
        return any(group.option in ("-h", "--help") for group in self._groups)

    def chosen(self) -> list[Chosen]:
        """What is chosen by name, for its help."""
        known = [each for each in self._open if each.setting.registry is not None]
        return [chosen for each in known for chosen in each.chosen()]

    def _fold(self, only_names: bool) -> tuple[list[OpenChoice | OpenMapping], list[str]]:
        """What is chosen by name, and all words, each option with one value; what is chosen stands last."""
        opened, words = open_settings(self.settings), []
        sections = {setting.name for setting in self.settings if is_dataclass(setting.kind)}
        for group in self._groups:
            found = next((each for each in opened if f"{group.name}.".startswith(f"{each.setting.name}.")), None)
            if group.option.startswith("--") and found is not None:
                words += self._take(found, group, only_names)
                continue
            _take_file(group, opened, sections)
            words += self._one_value(group)
        given = [each for each in opened if each.is_given]
        words += [f"--{each.setting.name}={json.dumps(to_json_values(each.plain()))}" for each in given]
        return opened, words

    def _take(self, opened: OpenChoice | OpenMapping, group: _Group, only_names: bool) -> list[str]:
        """Give an option to what it belongs to; returns the words that do not belong to it."""
        path = group.name.removeprefix(opened.setting.name).split(".")[1:]
        if only_names and not opened.names_something(path):
            return []
        kind = Any if only_names else self._named[opened.setting.name].kind_of(path)
        text, rest = _first_value(group, kind)
        if text is None:
            return group.words()
        if path:
            opened.take_option(path, text if isinstance(text, list) else value_of(text))
        else:
            opened.take_line(value_of(text))
        return rest

    def _one_value(self, group: _Group) -> list[str]:
        """The words of a group with the values of a list as one, and `true` for a flag without a value."""
        kinds = {setting.name: setting.kind for setting in self.settings} | {"imports": list[str]}
        name = group.name
        if not group.option:
            required = [setting.name for setting in self.settings if setting.default is MISSING]
            name = next((each for each in required if "." not in each), "")
        kind = kinds.get(name, Any)
        if not (kind is bool or is_list(kind) or may_be_list(kind)):
            return group.words()
        text, rest = _first_value(group, kind)
        if text is None:
            return group.words()
        if isinstance(text, list):
            text = json.dumps(text)
        return [f"{group.option}={text}" if group.option else text, *rest]


def as_words(overrides: Mapping[str, Any]) -> list[str]:
    """Dotted settings with their values as a command line."""
    return [f"--{name}={_text(value)}" for name, value in overrides.items()]


def _split(arguments: Sequence[str]) -> list[_Group]:
    groups = [_Group("")]
    for argument in arguments:
        if not _OPTION.match(argument):
            groups[-1].values.append(argument)
            continue
        option, equals, value = argument.partition("=")
        groups.append(_Group(option, [value] if equals else [], bool(equals)))
    return [group for group in groups if group.option or group.values]


def _first_value(group: _Group, kind: Any) -> tuple[str | list | None, list[str]]:
    """The value of an option of that type, None where there is none, and the words that are left."""
    values = group.values
    if kind is bool and not group.is_joined and not (values and values[0].lower() in _SWITCHES):
        return "true", values
    if kind is Any and not values:
        return "true", []
    if not values:
        return None, []
    if is_list(kind) and not values[0].startswith("["):
        # Words of a list of text stay as they are, even those that YAML would take for something else.
        return [value if _holds_text(kind) else value_of(value) for value in values], []
    if may_be_list(kind):
        numbers = list(takewhile(lambda value: isinstance(value, int | float), map(value_of, values)))
        return (numbers, values[len(numbers) :]) if len(numbers) > 1 else (values[0], values[1:])
    return values[0], values[1:]


def _holds_text(kind: Any) -> bool:
    return not any(each in (int, float, bool) or is_dataclass(each) for each in kind.__args__)


def _take_file(group: _Group, opened: list[OpenChoice | OpenMapping], sections: set[str]):
    """Give what a configuration file, or a file or mapping of one section, says to what it belongs to."""
    if not group.values or group.name not in {"config", *sections}:
        return
    prefix = "" if group.name == "config" else f"{group.name}."
    content = _read(group.values[0], may_be_text=bool(prefix))
    for each in opened:
        if each.setting.name.startswith(prefix):
            *path, last = each.setting.name.removeprefix(prefix).split(".")
            part = content
            for key in path:
                part = part.get(key) if isinstance(part, Mapping) else None
            if isinstance(part, Mapping) and last in part:
                each.take_file(part[last])


def _read(text: str, may_be_text: bool = False) -> Mapping[str, Any]:
    """What a file of settings says; nothing where it cannot be read, which parsing will tell."""
    if may_be_text and isinstance(value_of(text), Mapping):
        return value_of(text)
    try:
        content = load_yaml(Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _names(imports: Any) -> list[str]:
    return [imports] if isinstance(imports, str) else [str(each) for each in imports or ()]


def _text(value: Any) -> str:
    plain = to_json_values(value.plain() if hasattr(value, "plain") else value)
    return plain if isinstance(plain, str) else json.dumps(plain)
