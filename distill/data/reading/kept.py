"""The parsed form of large annotation files, kept so that each is parsed once."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from distill.data.annotations import Annotations, PackedValues
from distill.data.reading.outlines import PackedOutlines
from distill.system.files import unfinished_file

SMALLEST = 4_000_000
"Bytes of a file below which parsing it again is as quick."
_OF_IMAGES = ("image_ids", "sizes", "is_annotated", "annotates")
_ARRAYS = ("ids", "image_ids", "boxes", "keypoints", "is_crowd", "areas")


@dataclass(frozen=True)
class Parsed:
    """What an annotation file says, checked, before its photographs are looked for."""

    skeleton: dict[str, Any]
    "As `Skeleton.plain` gives it."
    category: int
    notes: tuple[str, ...]
    image_ids: np.ndarray
    "(M,) int64, ascending."
    sizes: np.ndarray
    "(M, 2) int64 width, height."
    names: PackedValues
    "(M,) text: files of the photographs as they stand in the file."
    is_annotated: np.ndarray
    "(M,) bool; see `AnnotatedSplit`."
    annotates: np.ndarray
    "(M, K) bool; see `AnnotatedSplit`."
    annotations: Annotations
    categories: Mapping[str, int] = field(default_factory=dict)
    "See `AnnotatedSplit`."


def folder() -> Path:
    """Where parsed forms are kept: annotations/ in pose-distill/ of the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pose-distill" / "annotations"


def kept(content_sha256: str, wanted: object, size: int, parse: Callable[[], tuple[Parsed, bool]]) -> Parsed:
    """The parsed form of a file's content, read where it is kept, else parsed and, if it is large, kept.

    Of several processes that want it at once one parses and the others wait. A folder that cannot be written is no
    fault, and a damaged file is made again.

    Args:
        content_sha256: of the content.
        wanted: what else the form depends on, as JSON values.
        size: of the content, bytes.
        parse: gives the form and whether it depends on the content alone; only then it is kept.
    """
    if size < SMALLEST:
        return parse()[0]
    key = hashlib.sha256(json.dumps([content_sha256, wanted, _code()]).encode()).hexdigest()
    path = folder() / f"{key}.safetensors"
    if (form := _read(path)) is not None:
        return form
    with _alone(path.with_suffix(".lock")):
        if (form := _read(path)) is not None:
            return form
        form, is_lasting = parse()
        if is_lasting:
            with suppress(OSError):
                _write(path, form)
        return form


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Context that one process at a time is in, as far as files can be locked; a process that dies is out of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError:
        yield
        return
    with lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def _code() -> str:
    """SHA-256 of the modules that read: what another version of them made is not taken."""
    data = Path(__file__).parents[1]
    modules = [*sorted(data.glob("reading/*.py")), *sorted(data.glob("formats/*.py")), data / "annotations.py"]
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


def _write(path: Path, form: Parsed):
    annotations = {name: getattr(form.annotations, name) for name in _ARRAYS}
    arrays = {f"of_images.{name}": getattr(form, name) for name in _OF_IMAGES}
    arrays |= {f"names.{name}": values for name, values in form.names.arrays().items()}
    arrays |= {f"annotations.{name}": values for name, values in annotations.items()}
    arrays |= {f"outlines.{name}": values for name, values in form.annotations.outlines.arrays().items()}
    told = {"skeleton": form.skeleton, "category": form.category, "notes": form.notes, "categories": form.categories}
    with unfinished_file(path) as temporary:
        save_file(
            {name: np.ascontiguousarray(values) for name, values in arrays.items()},
            temporary,
            metadata={name: json.dumps(value) for name, value in told.items()},
        )


def _read(path: Path) -> Parsed | None:
    try:
        return _read_whole(path)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None


def _read_whole(path: Path) -> Parsed:
    with safe_open(path, framework="numpy") as file:
        told = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
        groups: dict[str, dict[str, np.ndarray]] = {}
        for name in file.keys():  # noqa: SIM118
            group, _, last = name.partition(".")
            groups.setdefault(group, {})[last] = file.get_tensor(name)
    outlines = PackedOutlines.from_arrays(groups["outlines"])
    return Parsed(
        skeleton=told["skeleton"],
        category=told["category"],
        notes=tuple(told["notes"]),
        categories=told["categories"],
        names=PackedValues.from_arrays(groups["names"]),
        **groups["of_images"],
        annotations=Annotations(**groups["annotations"], outlines=outlines),
    )
