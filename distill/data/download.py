"""Downloads by HTTP that go on where they stopped and get their name only when their bytes are right."""

import fcntl
import hashlib
import http.client
import io
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from distill.system.errors import InputError

_CHUNK = 1 << 20
_TIMEOUT = 60.0
_WORTH_RETRYING = (408, 429)
_LONGEST_PAUSE = 30

Report = Callable[[int], None]
"Told how many bytes are done."


@dataclass(frozen=True)
class Checksum:
    """What a file's bytes must come to."""

    kind: Literal["MD5", "SHA-256"]
    value: str
    "Hexadecimal; the first digits will do, as they stand in the names of published files."

    def of(self, path: Path, report: Report = lambda _: None) -> str:
        """That of a file, hexadecimal; `report` is told how many bytes are read."""
        digest = hashlib.md5(usedforsecurity=False) if self.kind == "MD5" else hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                report(file.tell())
        return digest.hexdigest()

    def complaint(self, path: Path, report: Report = lambda _: None) -> str | None:
        """What is wrong with a file, nothing if it is the right one."""
        found = self.of(path, report)
        return None if found.startswith(self.value) else f"{self.kind} is {found}, not {self.value}"


def download(
    url: str,
    path: Path,
    *,
    checksum: Checksum,
    size: int | None = None,
    retries: int = 5,
    report: Report = lambda _: None,
) -> None:
    """Fetch a file of known checksum; what has come so far is kept in PATH.part.

    Args:
        checksum: of the whole file.
        size: bytes of the whole file; by default what the server says.
        retries: attempts after a lost connection that brought nothing; 1, 2, 4, ... seconds lie between.
        report: told how many bytes are here, and then how many of them are checked.

    Raises:
        InputError: the server has no such file or another one, cannot be reached, or the disk is full.
    """
    if size is None:
        size = size_of(url, retries)
    part = path.with_name(path.name + ".part")
    with part.open("ab", buffering=0) as file:
        _lock(file, part)
        require_space(path.parent, size - file.tell())
        if file.tell() > size:
            _cut(file, 0)
        _fill(file, part, url, size, retries, report)
        if wrong := checksum.complaint(part, report):
            part.unlink()
            raise InputError(f"{url}: {wrong}; the bytes were removed: run again or change --url")
        part.replace(path)


def size_of(url: str, retries: int = 5) -> int:
    """Bytes of a file as the server tells them.

    Raises:
        InputError: the server has no such file, cannot be reached or does not say.
    """
    for failures in range(retries + 1):
        try:
            with _ask(url, 0) as answer:
                return _extent(answer, url)[1]
        except (OSError, http.client.HTTPException) as error:
            if failures == retries:
                raise InputError(f"{url}: {_reason(error)}; run again") from error
            time.sleep(min(2**failures, _LONGEST_PAUSE))


def require_space(folder: Path, needed: int) -> None:
    """Refuse what does not fit on the disk.

    Raises:
        InputError: fewer than `needed` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(f"{folder}: {needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free")


def _lock(file: io.FileIO, part: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{part}: another download of this file is under way") from None


def _fill(file: io.FileIO, part: Path, url: str, size: int, retries: int, report: Report) -> None:
    """Append until the file has its size, through lost connections."""
    failures = 0
    while (offset := file.tell()) < size:
        try:
            _append(file, part, url, size, report)
        except (OSError, http.client.HTTPException) as error:
            failures = failures + 1 if file.tell() <= offset else 0
            if failures > retries:
                raise InputError(f"{url}: {_reason(error)}; run again, what has come is kept") from error
            time.sleep(min(2**failures // 2, _LONGEST_PAUSE))


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause) or type(error).__name__


def _append(file: io.FileIO, part: Path, url: str, size: int, report: Report) -> None:
    """Ask once for what is missing and append what comes; OSError when the connection is lost."""
    with _ask(url, file.tell()) as answer:
        start, total = _extent(answer, url)
        if total != size or start not in (0, file.tell()):
            raise InputError(f"{url}: the server offers {total} bytes, not {size}; change --url")
        if start != file.tell():
            _cut(file, start)
        report(file.tell())
        while chunk := answer.read(_CHUNK):
            _write(file, part, chunk)
            report(file.tell())
    if file.tell() < size:
        raise ConnectionError("the connection ended early")


def _ask(url: str, offset: int) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code < 500 and error.code not in _WORTH_RETRYING:
            raise InputError(f"{url}: {error.code} {error.reason}; change --url") from error
        raise


def _extent(answer: http.client.HTTPResponse, url: str) -> tuple[int, int]:
    """Where the body of an answer begins and how long the whole file is, bytes."""
    try:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            return 0, int(answer.headers["Content-Length"])
        span, total = answer.headers["Content-Range"].removeprefix("bytes ").split("/")
        return int(span.split("-")[0]), int(total)
    except (TypeError, ValueError, AttributeError):
        raise InputError(f"{url}: the server does not say how long the file is; change --url") from None


def _write(file: io.FileIO, part: Path, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise InputError(f"{part}: {error.strerror}; make room and run again, what has come is kept") from error


def _cut(file: io.FileIO, length: int) -> None:
    file.truncate(length)
    file.seek(length)
