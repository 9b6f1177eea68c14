"""Kinds of data sets by name, and which of them a folder is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Protocol

from distill.data.annotations import AnnotatedSplit
from distill.data.reading.agreement import check_photographs
from distill.data.source import AUTO, DataSource
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError
from distill.system.registry import Registry

FORMATS = Registry("format", "distill.data.formats")


class Format(Protocol):
    """Reads one kind of data set."""

    layout: ClassVar[str]
    "What it reads in the folder of the set, `{split}` for the split; messages name it."

    is_last_resort: ClassVar[bool] = False
    "Whether it is asked only where no other format finds anything in the folder; False where it is not said."

    def splits(self, root: Path) -> list[str]:
        """Names of the splits that the folder holds in this format; `WHOLE` alone where the set has none.

        Looks quickly, never raises, and is empty where the folder is something else.
        """
        ...

    def sniffs(self, source: DataSource) -> bool:
        """Whether that split is there in this format, in the root or as the annotations named; never raises."""
        ...

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The whole split, checked.

        Args:
            skeleton: what the joints must be; None takes the set's own.

        Raises:
            InputError: something is missing or wrong, or the joints are others.
        """
        ...


WHOLE = ""
"Name of the only split of a set that has none: every name then means the whole."


def has_split(splits: list[str], split: str) -> bool:
    """Whether a split is among those of a folder."""
    return split in splits or splits == [WHOLE]


def read_split(source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
    """A split in the format that its source names, or in the one that recognises it.

    Some of its photographs are looked at; see `distill.data.reading.agreement`.

    Raises:
        InputError: as `Format.read`; or no format or several recognise it.
    """
    known = FORMATS.get(format_of(source))()
    split = known.read(source, skeleton)
    is_whole = source.annotations is not None or source.root is None or known.splits(source.root) == [WHOLE]
    return replace(split, name=WHOLE if is_whole else source.split, notes=split.notes + check_photographs(split))


def format_of(source: DataSource) -> str:
    """The name of the format that the source names, or of the one that recognises it.

    Raises:
        InputError: folder or file is missing, or no format or several recognise it.
    """
    source = source.checked()
    return _sniffed(source) if source.format == AUTO else source.format


def splits_of(root: Path, format: str = AUTO) -> list[tuple[str, str]]:
    """The splits of a folder and the format of each, in the formats' order; of one format where it is named."""
    if format != AUTO:
        return [(split, format) for split in FORMATS.get(format)().splits(root)]
    for formats in _by_resort():
        if found := [(split, name) for name, known in formats.items() for split in known.splits(root)]:
            return found
    return []


def _by_resort() -> Iterator[dict[str, Format]]:
    """The formats that are asked first, then those of the last resort."""
    formats = {name: FORMATS.get(name)() for name in FORMATS.names()}
    for is_last in (False, True):
        yield {name: known for name, known in formats.items() if getattr(known, "is_last_resort", False) == is_last}


def _sniffed(source: DataSource) -> str:
    first, last = _by_resort()
    has_annotations = source.annotations is not None or source.root is not None
    found = [name for name, known in first.items() if has_annotations and known.sniffs(source)]
    if not found and not (source.root and any(known.splits(source.root) for known in first.values())):
        found = [name for name, known in last.items() if known.sniffs(source)]
    if len(found) > 1:
        raise InputError(f"{source.place} may be a set of format {' or '.join(found)}; say which by data.format")
    if not found:
        raise InputError(_nothing_found(source, first | last))
    return found[0]


def _nothing_found(source: DataSource, formats: dict[str, Format]) -> str:
    if source.annotations is not None:
        return f"{source.annotations} is of no known format ({', '.join(formats)}); say which by data.format"
    if there := sorted({split for split, _ in splits_of(source.root)}):
        return f"{source.root} has no split {source.split}; its splits are {', '.join(there)}: choose by data.split"
    looked_for = ", ".join(f"{known.layout.format(split=source.split)} ({name})" for name, known in formats.items())
    return (
        f"{source.root} holds no split {source.split} of a known format, that is {looked_for}; check data.root and "
        "data.split, name the file with data.annotations, say data.format (photographs for pictures whose annotations "
        "do not count), or fetch COCO with `distill-data fetch`"
    )
