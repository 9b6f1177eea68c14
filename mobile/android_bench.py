"""The benchmark app on one phone: models, delegates and numbers of threads, one run after another, through adb."""

import json
import re
import shlex
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from threading import Event
from time import monotonic

from mobile.adb import Device
from mobile.errors import DeviceError
from mobile.metadata import metadata_path, sha256

PACKAGE = "org.posedistill.bench"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
FILES = f"/sdcard/Android/data/{PACKAGE}/files"
DELEGATES = ("cpu", "gpu", "nnapi")
BUNDLED_SCENE = "scenes/0.png"
SCHEMA = Path(__file__).with_name("android") / "result.schema.json"
_GONE = "gone"


@dataclass(frozen=True)
class Matrix:
    """What every phone is to run; checked by the app, not here."""

    apk: Path
    models: tuple[Path, ...]
    "Models, .tflite, each with its JSON beside it."
    delegates: tuple[str, ...]
    threads: tuple[int, ...]
    warmup: int
    runs: int
    photograph: Path | None
    "None for the scene inside the app."
    timeout: float
    "Seconds until the result of one run must be there."
    poll: float
    "Seconds between two looks for it."

    def cells(self) -> list["Cell"]:
        """One for each model, delegate and number of threads, in this order."""
        pairs = product(enumerate(self.models), self.delegates, self.threads)
        return [Cell(path, f"{i}-{plain_name(path.name)}", delegate, threads) for (i, path), delegate, threads in pairs]


@dataclass(frozen=True)
class Cell:
    """One run: a model, its name on the phone, a delegate and a number of threads."""

    model: Path
    remote: str
    delegate: str
    threads: int

    @property
    def result(self) -> str:
        """Name of the result's file."""
        return f"{Path(self.remote).stem}_{self.delegate}_{self.threads}.json"

    def __str__(self) -> str:
        return f"{self.model.name}, {self.delegate}, {self.threads} thread{'s' * (self.threads > 1)}"


def plain_name(name: str) -> str:
    """The same name with `_` for what a phone's shell or storage could take amiss."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def run_matrix(
    device: Device,
    matrix: Matrix,
    finished: Callable[[Cell, dict], None],
    failed: Callable[[Cell, str], None],
    stop: Event,
):
    """Install, push, run every cell and clean up; the app stays installed.

    Args:
        device: the phone.
        matrix: what to run.
        finished: called with each cell and its valid result of status `ok`.
        failed: called with each cell that gave none, and why; the next cell follows.
        stop: set it to end early.

    Raises:
        DeviceError: the phone refused, is gone or does not answer; cells that were not reported were not run.
    """
    device.install(matrix.apk)
    try:
        photograph = _push(device, matrix)
        for cell in matrix.cells():
            if stop.is_set():
                return
            try:
                result = _run(device, matrix, cell, photograph, stop)
            except _CellError as error:
                failed(cell, str(error))
            else:
                finished(cell, result)
    finally:
        # A phone that is gone cannot be cleaned, and why it went is said by the error on its way.
        with suppress(DeviceError):
            _clean(device, matrix)


class _CellError(DeviceError):
    """One run gave no figures, though the phone is there."""


def _pushed(matrix: Matrix) -> dict[str, Path]:
    files = {}
    for cell in matrix.cells():
        files[cell.remote] = cell.model
        files[_metadata_name(cell)] = metadata_path(cell.model)
    if matrix.photograph is not None:
        files[f"photograph{plain_name(matrix.photograph.suffix)}"] = matrix.photograph
    return files


def _metadata_name(cell: Cell) -> str:
    return Path(cell.remote).with_suffix(".json").name


def _push(device: Device, matrix: Matrix) -> str:
    """Push everything; the photograph's name for the app."""
    device.shell("mkdir", "-p", FILES)
    for name, local in _pushed(matrix).items():
        device.push(local, f"{FILES}/{name}")
    return BUNDLED_SCENE if matrix.photograph is None else f"photograph{plain_name(matrix.photograph.suffix)}"


def _clean(device: Device, matrix: Matrix):
    results = [f"results/{cell.result}" for cell in matrix.cells()]
    device.shell("am", "force-stop", PACKAGE)
    device.shell("rm", "-f", *(f"{FILES}/{name}" for name in [*_pushed(matrix), *results]))


def _run(device: Device, matrix: Matrix, cell: Cell, photograph: str, stop: Event) -> dict:
    remote = f"{FILES}/results/{cell.result}"
    request = {
        "model": cell.remote,
        "metadata": _metadata_name(cell),
        "photograph": photograph,
        "threads": cell.threads,
        "delegate": cell.delegate,
        "warmup": matrix.warmup,
        "runs": matrix.runs,
    }
    extras = []
    for name, value in (request | {"result": cell.result}).items():
        extras += ["--ei" if isinstance(value, int) else "--es", name, str(value)]
    device.shell("rm", "-f", remote)
    device.shell("input", "keyevent", "KEYCODE_WAKEUP")
    # -S: a process of its own for each run, so that memory and initialisation are those of this model alone.
    answer = device.shell("am", "start", "-S", "-W", "-n", ACTIVITY, *extras)
    if refused := re.search(r"^Error.*", answer, re.MULTILINE):
        raise _CellError(f"the app does not start: {refused[0]}")
    _wait(device, remote, matrix, stop)
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / cell.result
        device.pull(remote, local)
        return _checked(local.read_bytes(), cell, request)


def _wait(device: Device, remote: str, matrix: Matrix, stop: Event):
    end = monotonic() + matrix.timeout
    look = f"ls {shlex.quote(remote)} 2>/dev/null || pidof {PACKAGE} || echo {_GONE}"
    while True:
        state = device.script(look).split()
        if remote in state:
            return
        if _GONE in state:
            raise _CellError("the app ended without a result; `adb logcat` tells more")
        if monotonic() > end:
            device.shell("am", "force-stop", PACKAGE)
            raise _CellError(f"no result within {matrix.timeout:g} s; raise timeout or lower runs")
        if stop.wait(matrix.poll):
            raise _CellError("interrupted")


@cache
def _validator():
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text()))


def _checked(content: bytes, cell: Cell, request: dict) -> dict:
    """The result, if it is a valid one of this very run that went well."""
    try:
        result = json.loads(content)
    except ValueError as error:
        raise _CellError(f"the result is no JSON: {error}") from None
    # The errors of nested alternatives are too many to show; the deepest one is what is wrong.
    if wrong := max(_validator().iter_errors(result), key=lambda e: len(e.absolute_path), default=None):
        raise _CellError(f"the result does not fit {SCHEMA.name}: {wrong.json_path}: {wrong.message[:200]}")
    if result["status"] == "error":
        raise _CellError(f"{result['error']['kind']}: {result['error']['message']}")
    if result["request"] != request:
        raise _CellError(f"the result is that of another request: {result['request']}")
    if result["model"]["sha256"] != sha256(cell.model.read_bytes()):
        raise _CellError("the phone ran another file than the model pushed (SHA-256 differs)")
    return result
