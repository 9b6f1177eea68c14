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
from pathlib import Path

from distill.system.errors import InputError

_CHUNK = 1 << 20
_TIMEOUT = 60.0
_WORTH_RETRYING = (408, 429)
_LONGEST_PAUSE = 30

Report = Callable[[int], None]
"Told how many bytes are done."


def download(url: str, path: Path, *, size: int, md5: str, retries: int = 5, report: Report = lambda _: None) -> None:
    """Fetch a file of known size and checksum; what has come so far is kept in PATH.part.

    Args:
        size: bytes of the whole file.
        md5: hexadecimal checksum of the whole file.
        retries: attempts after a lost connection that brought nothing; 1, 2, 4, ... seconds lie between.
        report: told how many bytes are here, and then how many of them are checked.

    Raises:
        InputError: the server has no such file or another one, cannot be reached, or the disk is full.
    """
    part = path.with_name(path.name + ".part")
    with part.open("ab", buffering=0) as file:
        _lock(file, part)
        require_space(path.parent, size - file.tell())
        if file.tell() > size:
            _cut(file, 0)
        _fill(file, part, url, size, retries, report)
        found = checksum(part, report)
        if found != md5:
            part.unlink()
            raise InputError(f"{url}: MD5 is {found}, not {md5}; the bytes were removed: run again or change --url")
        part.replace(path)


def checksum(path: Path, report: Report = lambda _: None) -> str:
    """Hexadecimal MD5 of a file."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            report(file.tell())
    return digest.hexdigest()


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
