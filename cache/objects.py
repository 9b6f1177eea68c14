"""The plain files of a store on object storage: S3, Google Cloud Storage and whatever else fsspec opens."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

import fsspec
from zarr.abc.store import Store
from zarr.storage import FsspecStore

from cache.errors import StoreError


class ObjectFiles:
    """`cache.files.Files` below a URL such as s3://bucket/labels.zarr.

    An object is there whole or not at all, so one put is atomic and nothing is renamed. Credentials and
    endpoint are those of the storage's own tools, for S3 the environment and ~/.aws.

    Raises:
        StoreError: in every method, where the storage cannot be used.
    """

    def __init__(self, url: str):
        self.url = url.rstrip("/")

    def read(self, name: str) -> bytes | None:
        with self._errors():
            try:
                return self._system.cat_file(self._path(name))
            except FileNotFoundError:
                return None

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        paths = {self._path(name): name for name in names}
        with self._errors():
            found = self._system.cat(list(paths), on_error="return") if paths else {}
            for content in found.values():
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    raise content
        return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

    def read_range(self, name: str, start: int, end: int | None) -> bytes | None:
        with self._errors():
            try:
                return self._system.cat_file(self._path(name), start=start, end=end)
            except FileNotFoundError:
                return None

    def put(self, name: str, content: bytes):
        with self._errors():
            self._system.pipe_file(self._path(name), content)

    def put_new(self, name: str, content: bytes) -> bool:
        with self._errors():
            try:
                self._system.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
        return True

    def delete(self, name: str):
        with self._errors(), suppress(FileNotFoundError):
            self._system.rm_file(self._path(name))

    def size(self, name: str) -> int | None:
        with self._errors():
            try:
                return self._system.size(self._path(name))
            except FileNotFoundError:
                return None

    def sizes(self) -> dict[str, int]:
        with self._errors():
            root = self._path("")
            try:
                found = self._system.find(root, detail=True)
            except FileNotFoundError:
                return {}
        names = {path.removeprefix(root): entry["size"] for path, entry in found.items()}
        return {name: size for name, size in names.items() if name.rpartition("/")[2][0] != "."}

    def sha256(self, name: str) -> str | None:
        content = self.read(name)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def zarr_store(self) -> Store:
        with self._errors():
            return FsspecStore.from_url(self.url, storage_options=_OPTIONS, read_only=True)

    @property
    def _system(self) -> fsspec.AbstractFileSystem:
        # fsspec keeps one for each process and thread, so a fork gets its own.
        return fsspec.url_to_fs(self.url, **_OPTIONS)[0]

    def _path(self, name: str) -> str:
        """As the file system itself names it, without the scheme."""
        return f"{self._root}/{name}"

    @cached_property
    def _root(self) -> str:
        return fsspec.url_to_fs(self.url, **_OPTIONS)[1]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """The storage's libraries have error classes of their own, which are not known here."""
        try:
            yield
        except ImportError as error:
            raise StoreError(f"{self.url}: {error}; for s3:// URLs: pip install 'pose-distill[s3]'") from error
        except Exception as error:
            raise StoreError(f"{self.url}: the storage cannot be used ({error or type(error).__name__})") from error


_OPTIONS = {"use_listings_cache": False}
