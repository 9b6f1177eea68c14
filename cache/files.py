"""The plain files of a store: atomic writes, sizes, checksums; on a file system here, on object storage beside."""

import errno
import hashlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from zarr.abc.store import Store
from zarr.storage import LocalStore

from cache.objects import ObjectFiles

_NOT_SUPPORTED = (errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
"What a file system answers that has no hard links, or does not bring folders onto the disk."


class Files(Protocol):
    """Files below one place, named by relative paths with forward slashes; hidden ones are not listed."""

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None where there is none."""

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of those of the named files that are there."""

    def read_range(self, name: str, start: int, end: int | None) -> bytes | None:
        """Bytes of a file, or None where there is none; a negative start counts from its end.

        They are fewer than asked for where the file ends before.
        """

    def put(self, name: str, content: bytes):
        """Write a file so that at any moment it is absent, as before, or whole."""

    def put_new(self, name: str, content: bytes) -> bool:
        """Write a file unless it is there, and return whether it was written; of several processes at once one does."""

    def delete(self, name: str):
        """Remove a file, if it is there."""

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None where there is none."""

    def sizes(self) -> dict[str, int]:
        """Bytes of every file by name."""

    def sha256(self, name: str) -> str | None:
        """Hexadecimal SHA-256 of a file, or None where there is none."""

    def zarr_store(self) -> Store:
        """What zarr reads these files through."""


def open_files(url: str | Path) -> Files:
    """The files at a path, a file:// URL or, through fsspec, a URL of object storage; nothing is touched yet."""
    parts = urlsplit(str(url))
    if "://" not in str(url):
        return LocalFiles(Path(url))
    if parts.scheme == "file":
        return LocalFiles(Path(unquote(parts.path)))
    return ObjectFiles(str(url))


class LocalFiles:
    """`Files` below a folder."""

    def __init__(self, root: Path):
        # A link whose folder is not there yet cannot be made a folder itself.
        self.root = root.resolve() if root.is_symlink() else root

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        contents = {name: self.read(name) for name in names}
        return {name: content for name, content in contents.items() if content is not None}

    def read_range(self, name: str, start: int, end: int | None) -> bytes | None:
        try:
            descriptor = os.open(f"{self.root}/{name}", os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            size = os.fstat(descriptor).st_size
            start = start if start >= 0 else max(0, size + start)
            return os.pread(descriptor, max(0, (size if end is None else end) - start), start)
        finally:
            os.close(descriptor)

    def put(self, name: str, content: bytes):
        temporary = self._written(name, content)
        try:
            temporary.replace(self.root / name)
        finally:
            temporary.unlink(missing_ok=True)
        _sync((self.root / name).parent)

    def put_new(self, name: str, content: bytes) -> bool:
        temporary = self._written(name, content)
        try:
            (self.root / name).hardlink_to(temporary)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
            if not self._written_here(name, content):
                return False
        finally:
            temporary.unlink()
        _sync((self.root / name).parent)
        return True

    def delete(self, name: str):
        (self.root / name).unlink(missing_ok=True)

    def size(self, name: str) -> int | None:
        try:
            return (self.root / name).stat().st_size
        except FileNotFoundError:
            return None

    def sizes(self) -> dict[str, int]:
        paths = (Path(folder, name) for folder, _, names in os.walk(self.root) for name in names if name[0] != ".")
        sizes = {name: self.size(name) for name in (path.relative_to(self.root).as_posix() for path in paths)}
        return {name: size for name, size in sizes.items() if size is not None}

    def sha256(self, name: str) -> str | None:
        try:
            with (self.root / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def zarr_store(self) -> Store:
        return LocalStore(self.root, read_only=True)

    def _written_here(self, name: str, content: bytes) -> bool:
        """As `put_new`, for file systems without hard links; whoever is killed within may leave a part."""
        try:
            with (self.root / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            return False
        return True

    def _written(self, name: str, content: bytes) -> Path:
        """A hidden file beside the named one, with this content brought onto the disk."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary


def _sync(path: Path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems bring no folder onto the disk by request; they do so with its files.
        if error.errno not in _NOT_SUPPORTED:
            raise
    finally:
        os.close(descriptor)
