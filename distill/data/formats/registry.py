"""Kinds of data sets by name, and which of them a folder is."""

from pathlib import Path
from typing import ClassVar, Protocol

from distill.data.annotations import AnnotatedSplit
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError
from distill.system.registry import Registry

FORMATS = Registry("format", "distill.data.formats")
AUTO = "auto"
"Stands for the format that recognises the folder."


class Format(Protocol):
    """Reads one kind of data set."""

    layout: ClassVar[str]
    "What it reads in the folder of the set, `{split}` for the split; messages name it."

    def sniffs(self, root: Path, split: str) -> bool:
        """Whether the folder holds that split in this format; looks quickly and never raises."""
        ...

    def read(self, root: Path, split: str, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The whole split, checked.

        Args:
            skeleton: what the joints must be; None takes the set's own.

        Raises:
            InputError: something is missing or wrong, or the joints are others.
        """
        ...


def read_split(root: Path, split: str, skeleton: Skeleton | None, format_name: str = AUTO) -> AnnotatedSplit:
    """A split in whatever format it is, or in the one of that name; arguments and errors are those of `Format.read`."""
    if not root.is_dir():
        raise InputError(f"data.root {root} is not a folder; give the folder that holds annotations/")
    name = _sniffed(root, split) if format_name == AUTO else format_name
    return FORMATS.get(name)().read(root, split, skeleton)


def _sniffed(root: Path, split: str) -> str:
    formats = {name: FORMATS.get(name)() for name in FORMATS.names()}
    found = [name for name, known in formats.items() if known.sniffs(root, split)]
    if len(found) > 1:
        raise InputError(f"{root} may be a set of format {' or '.join(found)}; say which by format")
    if not found:
        absent = ", ".join(
            f"{root / known.layout.format(split=split)} does not exist ({name})" for name, known in formats.items()
        )
        raise InputError(
            f"{root} holds no split {split} of a known format: {absent}; check data.root and data.split, or fetch COCO "
            "with `distill-data fetch`"
        )
    return found[0]
