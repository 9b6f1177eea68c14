"""The benchmark app on one phone: models, delegates and numbers of threads, one run after another, through adb."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from threading import Event

from mobile import phone_folder
from mobile.adb import Device
from mobile.app_log import AppLog, Finished
from mobile.cooling import Cooling
from mobile.errors import DeviceError
from mobile.metadata import metadata_path, model_sha256
from mobile.phone_folder import ACTIVITY, PACKAGE, PhoneFolder

DELEGATES = ("cpu", "gpu", "nnapi")
BUNDLED_SCENE = "scenes/0.png"
SCHEMA = Path(__file__).with_name("android") / "result.schema.json"


@dataclass(frozen=True)
class Matrix:
    """What every phone is to run; checked by the app, not here."""

    apk: Path
    models: tuple[Path, ...]
    "Models, .tflite; one with its JSON beside it or packed behind it finds persons, others have times only."
    delegates: tuple[str, ...]
    threads: tuple[int, ...]
    "Of the CPU; other delegates run once, with the first."
    launches: int
    "Starts of the app for each cell, each a process of its own."
    request: dict[str, int | bool]
    "What the app is asked besides: `warmup`, `warmup_ms`, `runs`, `runs_ms` and the flags of its delegates."
    photograph: Path | None
    "None for the scene inside the app."
    timeout: float
    "Seconds until the result of one run must be there."
    cooldown: float
    "Seconds to wait at most, before a run, until the phone is as cool as it was at the start."

    def cells(self) -> list["Cell"]:
        """One for each model, delegate and number of threads that matters, in this order."""
        pairs = product(enumerate(self.models), self.delegates)
        return [
            Cell(path, f"{i}-{phone_folder.plain_name(path.name)}", delegate, threads)
            for (i, path), delegate in pairs
            for threads in (self.threads if delegate == "cpu" else self.threads[:1])
        ]

    def runs(self) -> list["Run"]:
        """Every launch: all cells in turn, each round beginning further on, so that none is always first or last."""
        cells = self.cells()
        rounds = []
        for launch in range(self.launches):
            first = launch * len(cells) // self.launches
            rounds += [Run(cell, launch) for cell in cells[first:] + cells[:first]]
        return rounds


@dataclass(frozen=True)
class Cell:
    """A model, its name on the phone, a delegate and a number of threads."""

    model: Path
    remote: str
    delegate: str
    threads: int

    def __str__(self) -> str:
        return f"{self.model.name}, {self.delegate}, {self.threads} thread{'s' * (self.threads > 1)}"


@dataclass(frozen=True)
class Run:
    """One launch of a cell, counted from 0."""

    cell: Cell
    launch: int

    @property
    def result(self) -> str:
        """Name of the result's file."""
        return f"{Path(self.cell.remote).stem}_{self.cell.delegate}_{self.cell.threads}_{self.launch}.json"

    def __str__(self) -> str:
        return f"{self.cell}, launch {self.launch + 1}"


@dataclass(frozen=True)
class Measured:
    """What one run gave."""

    result: dict
    "As result.schema.json describes it."
    outputs: bytes | None
    "The outputs of the last run, as they are stored, by position; None where they could not be fetched."
    compiled: bool
    "Whether Android compiled the app ahead."


def run_matrix(
    device: Device,
    matrix: Matrix,
    finished: Callable[[Run, Measured], None],
    failed: Callable[[Run, str], None],
    stop: Event,
):
    """Install, push, run every cell and clean up; the app stays installed.

    Args:
        device: the phone.
        matrix: what to run.
        finished: called with each run and its valid result of status `ok`.
        failed: called with each run that gave none, and why; the next one follows.
        stop: set it to end early.

    Raises:
        DeviceError: the phone refused, is gone or does not answer; runs that were not reported were not made.
    """
    device.install(matrix.apk)
    # Java that is still interpreted would be in the first figures; not every phone lets itself be told.
    compiled = "Success" in device.script(f"cmd package compile -m speed -f {PACKAGE} || true")
    folder = PhoneFolder(device)
    try:
        photograph = _push(folder, matrix)
        cooling = Cooling(device, matrix.cooldown, stop)
        for run in matrix.runs():
            cooling.wait()
            if stop.is_set():
                return
            try:
                result, outputs = _run(device, folder, matrix, run, photograph, stop)
            except _RunError as error:
                failed(run, str(error))
            else:
                finished(run, Measured(result, outputs, compiled))
    finally:
        # A phone that is gone cannot be cleaned, and why it went is said by the error on its way.
        with suppress(DeviceError):
            folder.clean(run.result for run in matrix.runs())


class _RunError(DeviceError):
    """One run gave no figures, though the phone is there."""


def _metadata_name(cell: Cell) -> str:
    return Path(cell.remote).with_suffix(".json").name


def _push(folder: PhoneFolder, matrix: Matrix) -> str:
    """Push everything; the photograph's name for the app."""
    for cell in {cell.remote: cell for cell in matrix.cells()}.values():
        folder.push(cell.model, cell.remote)
        if metadata_path(cell.model).exists():
            folder.push(metadata_path(cell.model), _metadata_name(cell))
    if matrix.photograph is None:
        return BUNDLED_SCENE
    return folder.push(matrix.photograph, f"photograph{phone_folder.plain_name(matrix.photograph.suffix)}")


def _run(
    device: Device, folder: PhoneFolder, matrix: Matrix, run: Run, photograph: str, stop: Event
) -> tuple[dict, bytes | None]:
    cell = run.cell
    request = matrix.request | {
        "model": folder.name(cell.remote),
        **({"metadata": folder.name(_metadata_name(cell))} if metadata_path(cell.model).exists() else {}),
        "photograph": photograph,
        "threads": cell.threads,
        "delegate": cell.delegate,
        "outputs": True,
        "result": run.result,
    }
    folder.forget(run.result)
    # Where these are refused the app says what is in its way.
    device.script("input keyevent KEYCODE_WAKEUP || true")
    device.script("wm dismiss-keyguard || true")
    with AppLog(device) as log:
        # -S: a process of its own for each run, so that memory and initialisation are those of this model alone.
        answer = device.shell("am", "start", "-S", "-W", *folder.user, "-n", ACTIVITY, *_extras(request))
        if refused := re.search(r"^Error.*", answer, re.MULTILINE):
            raise _RunError(f"the app does not start: {refused[0]}")
        try:
            end = log.wait(run.result, matrix.timeout, stop)
        except DeviceError as error:
            if stop.is_set() or log.is_here():
                device.shell("am", "force-stop", PACKAGE)
                raise _RunError(str(error)) from None
            raise
    result = _checked(_content(folder, end), cell, request)
    return result, None if result["outputs"] is None else folder.pull(result["outputs"])


def _extras(request: dict[str, str | int | bool]) -> list[str]:
    extras = []
    for name, value in request.items():
        kind = "--ez" if isinstance(value, bool) else "--ei" if isinstance(value, int) else "--es"
        extras += [kind, name, str(value).lower() if isinstance(value, bool) else str(value)]
    return extras


def _content(folder: PhoneFolder, end: Finished) -> bytes:
    """The result as the log has it; where lines of it were dropped, the file."""
    if end.text is not None:
        return end.text.encode()
    if end.file is not None and (content := folder.pull(end.file)) is not None:
        return content
    raise _RunError(f"the result is neither whole in the log nor in {end.file or 'a file'}; is the phone full?")


@cache
def _validator():
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text()))


def _checked(content: bytes, cell: Cell, request: dict) -> dict:
    """The result, if it is a valid one of this very run that went well."""
    try:
        result = json.loads(content)
    except ValueError as error:
        raise _RunError(f"the result is no JSON: {error}") from None
    # The errors of nested alternatives are too many to show; the deepest one is what is wrong.
    if wrong := max(_validator().iter_errors(result), key=lambda e: len(e.absolute_path), default=None):
        raise _RunError(f"the result does not fit {SCHEMA.name}: {wrong.json_path}: {wrong.message[:200]}")
    if result["status"] == "error":
        raise _RunError(f"{result['error']['kind']}: {result['error']['message']}")
    if not request.items() <= result["request"].items():
        raise _RunError(f"the result is that of another request: {result['request']}")
    if result["model"]["sha256"] != model_sha256(cell.model):
        raise _RunError("the phone ran another file than the model pushed (SHA-256 differs)")
    return result
