"""The errors that commands print as one line."""

import sysconfig
import traceback
from pathlib import Path

_OTHERS = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
"Folders of code that is not ours: Python's own and what is installed."


class InputError(ValueError):
    """Input that a user can mend; the message names the file, field or value and what to do."""


class Stopped(Exception):
    """SIGTERM or SIGUSR1 asked to stop; the work is saved and the same command goes on with it."""


class WorkerError(Exception):
    """An unexpected exception of another process, told by its text and its trace."""

    def __init__(self, said: str, trace: str):
        super().__init__(said)
        self.trace = trace

    def __reduce__(self):
        return WorkerError, (str(self), self.trace)


def last_place(error: BaseException) -> tuple[str, int]:
    """File and line at which an exception arose: the last of ours that its trace names, else the last of all."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if not frame.filename.startswith((*_OTHERS, "<"))]
    if not frames:
        return "?", 0
    frame = (ours or frames)[-1]
    return frame.filename, frame.lineno or 0


def describe(error: BaseException) -> str:
    """An unexpected exception in one line: its kind, what it says, and where it arose."""
    if isinstance(error, WorkerError):
        return str(error)
    file, line = last_place(error)
    said = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if said else ''}{said} in {Path(file).name}:{line}"


def full_trace(error: BaseException) -> str:
    """The whole trace of an exception, that of the other process where it arose there."""
    return error.trace if isinstance(error, WorkerError) else "".join(traceback.format_exception(error))
