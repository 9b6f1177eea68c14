"""The plain files of a store on a file system: atomic writes, checksums, one lock."""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cache.errors import StoreError

LOCK = ".lock"


class LocalFiles:
    """Files below one folder, named by relative paths with forward slashes.

    Args:
        url: a path or a file:// URL; nothing is touched yet.

    Raises:
        StoreError: the URL is of another kind.
    """

    def __init__(self, url: str | Path):
        parts = urlsplit(str(url))
        if "://" in str(url) and parts.scheme != "file":
            raise StoreError(f"{url}: stores lie on a file system; give a path")
        self.root = Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)

    def __str__(self) -> str:
        return str(self.root)

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put(self, name: str, content: bytes):
        """Write a file so that at any moment it is absent, as before, or whole."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._sync(path.parent)

    def delete(self, name: str):
        """Remove a file, if it is there."""
        (self.root / name).unlink(missing_ok=True)

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None where there is none."""
        try:
            return (self.root / name).stat().st_size
        except FileNotFoundError:
            return None

    def sha256(self, name: str) -> str | None:
        """Hexadecimal SHA-256 of a file, or None where there is none."""
        try:
            with (self.root / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def sync(self, name: str):
        """Bring a file onto the disk, if it is there."""
        if (self.root / name).exists():
            self._sync(self.root / name)

    def names(self) -> set[str]:
        """Names of files and folders directly in the folder, the lock apart."""
        return {path.name for path in self.root.iterdir()} - {LOCK}

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Make the folder and hold its lock, which the system releases if the process dies."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"{self.root}: cannot be written ({error.strerror}); choose another place") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @staticmethod
    def _sync(path: Path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
