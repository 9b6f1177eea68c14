"""The YAML of a YOLO-pose set."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from distill.system.errors import InputError


@dataclass(frozen=True)
class YoloSheet:
    """The YAML, checked as far as every split needs it."""

    path: Path
    values: Mapping[str, Any]
    "As they stand in the file."
    joints: int
    "Number of joints of a person."
    has_visibility: bool
    "Whether a joint has three values instead of two."
    classes: Mapping[int, str]
    "Names by number."
    flip: tuple[int, ...] | None
    "Joint number in a mirrored photograph of every joint; None where the YAML does not say."

    @classmethod
    def found(cls, root: Path) -> "YoloSheet | None":
        """That of a folder, or None where there is none."""
        for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")], key=lambda path: path.name != "data.yaml"):
            if read_sheet(path) is not None:
                return cls.of(path)
        return None

    @classmethod
    def of(cls, path: Path) -> "YoloSheet":
        """That of a file.

        Raises:
            InputError: it is another, or something in it cannot be what it stands for.
        """
        values = read_sheet(path)
        if values is None:
            raise InputError(f"{path} is no YAML with kpt_shape; give the data.yaml of a YOLO-pose set")
        shape = values["kpt_shape"]
        if not _whole_numbers(shape) or len(shape) != 2 or shape[0] < 1 or shape[1] not in (2, 3):
            raise InputError(f"{path}: kpt_shape is {shape!r:.60}; write [number of joints, 2 or 3]")
        names = values.get("names", {0: "person"})
        classes = dict(enumerate(names)) if isinstance(names, list) else names
        if not isinstance(classes, dict) or not classes or not _whole_numbers(list(classes)):
            raise InputError(f"{path}: names is {names!r:.60}; write a list of the classes, or number: name")
        flip = values.get("flip_idx")
        if flip is not None and not (
            _whole_numbers(flip)
            and sorted(flip) == list(range(shape[0]))
            and all(flip[other] == own for own, other in enumerate(flip))
        ):
            raise InputError(
                f"{path}: flip_idx is {flip!r:.200}; write for each of the {shape[0]} joints the number, from 0, of "
                "the one that it becomes in a mirrored photograph"
            )
        classes = {number: str(name) for number, name in classes.items()}
        return cls(path, values, shape[0], shape[1] == 3, classes, None if flip is None else tuple(flip))

    def places(self, split: str) -> list[Path]:
        """Folders and lists of photographs of a split that are there."""
        entries = self.values.get(split)
        entries = entries if isinstance(entries, list) else [entries]
        return [
            place for entry in entries if isinstance(entry, str) and entry.strip() and (place := self._place(entry))
        ]

    def _place(self, entry: str) -> Path | None:
        """Where the YAML says, in its own folder where that is of another machine."""
        entry = entry.replace("\\", "/")
        bases = [self.path.parent / str(self.values.get("path") or ""), self.path.parent]
        inside = entry.removeprefix("../").removeprefix("./").lstrip("/")
        for candidate in (*(base / entry for base in bases), *(base / inside for base in bases)):
            if candidate.exists():
                return candidate
        return None

    def joint_names(self, number: int) -> tuple[str, ...] | None:
        """Those of a class, where the YAML has them."""
        names = self.values.get("kpt_names")
        names = names.get(number) if isinstance(names, dict) else names
        if names is None:
            return None
        if not isinstance(names, list) or len(names) != self.joints:
            raise InputError(f"{self.path}: kpt_names of class {number} are no list of {self.joints} names")
        return tuple(map(str, names))


def read_sheet(path: Path) -> dict | None:
    """What a YAML with kpt_shape holds; None for any other file."""
    try:
        if path.suffix.lower() not in (".yaml", ".yml"):
            return None
        values = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and "kpt_shape" in values else None


def _whole_numbers(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int for value in values)
