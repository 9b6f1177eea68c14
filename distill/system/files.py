"""Files that appear whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unfinished_file(path: Path | str) -> Iterator[Path]:
    """Context that gives the temporary name, of the same ending, to write a file under.

    At its end the content reaches the disk and then the name, so neither a kill nor a power cut leaves half a file,
    and what stood there before stays until then. After an error nothing is left. The folder is made if missing.

    Raises:
        OSError: the folder cannot be written, or is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        # A full disk does not say which file it was about.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path | str, content: bytes | str):
    """Write a file in one go, text as UTF-8; see `unfinished_file`."""
    with unfinished_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
