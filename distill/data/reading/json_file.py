"""JSON files of annotations: read at once, parsed quickly, named by their content."""

import gc
import hashlib
import json
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from distill.system.errors import InputError


def content_of(path: Path) -> bytes:
    """All bytes of an annotation file.

    Raises:
        InputError: there is no such file.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist; check data.root and data.split, or fetch it with `distill-data fetch`"
        ) from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, where a file of annotations is wanted") from None


def mentions(path: Path, *keys: str) -> bool:
    """Whether a file is a JSON object that has all these keys somewhere, as far as that is quickly seen."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content[:64].decode("utf-8-sig", errors="replace").lstrip()
            return start.startswith("{") and all(content.find(f'"{key}"'.encode()) >= 0 for key in keys)
    except (OSError, ValueError):
        return False


def sha256_of(content: bytes) -> str:
    """SHA-256 of the content, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def parsed(content: bytes, path: Path) -> Any:
    """What the JSON says; NaN, Infinity and whole numbers of any length are read as Python's own reader does.

    Raises:
        InputError: it is no JSON, or nested too deeply.
    """
    with _without_collection():
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError):
            pass
        try:
            return json.loads(content.decode("utf-8-sig") if content.startswith(b"\xef\xbb\xbf") else content)
        except RecursionError:
            raise InputError(f"{path} is nested too deeply for an annotation file") from None
        except ValueError as error:
            raise InputError(f"{path} is not JSON ({error}); it may be truncated, fetch or export it again") from None


@contextmanager
def _without_collection() -> Iterator[None]:
    """Millions of lists are made, none of them in a circle: looking for circles would double the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
