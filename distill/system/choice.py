"""A thing chosen by name with its options, such as `adamw` with a momentum."""

from collections.abc import Mapping
from typing import Any, Self

from jsonargparse import get_loader
from jsonargparse.typing import register_type

from distill.system.errors import InputError


class Choice:
    """A name and the options given with it; those that are not given keep the defaults of what is chosen.

    In YAML a word (`model: attention_xs`) or a mapping (`model: {name: attention, size: xs}`); a mapping without a
    name gives options to the default choice.
    """

    def __init__(self, name: str, options: Mapping[str, Any] | None = None):
        self.name, self.options = name, dict(options or {})

    @classmethod
    def of(cls, value: object) -> Self:
        """A choice from a choice, a word, a mapping, or text that holds one of them as YAML.

        Raises:
            InputError: it is none of these.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            value = get_loader("yaml")(value)
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, Mapping):
            options = dict(value)
            return cls(options.pop("name", ""), options)
        raise InputError(f"{value!r} is neither a name nor a mapping with a name and options")

    def merged(self, other: "Choice") -> "Choice":
        """The other choice where it has a name, else this one with the other's options on top."""
        return other if other.name else Choice(self.name, self.options | other.options)

    def plain(self) -> dict[str, Any]:
        """The choice as one mapping, ready for JSON or YAML."""
        return {"name": self.name, **self.options}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.plain() == other.plain()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name + "".join(f", {name} {value}" for name, value in self.options.items())


register_type(Choice, serializer=Choice.plain, deserializer=Choice.of, type_check=isinstance)
