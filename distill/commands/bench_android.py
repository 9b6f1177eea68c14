"""distill-bench android: how fast exported models are on phones."""

import csv
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from threading import Event, Lock

from rich.console import Console
from rich.table import Table

import distill
from distill.deployment.phone_plot import draw_phones
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.json_values import to_json_values
from mobile.adb import Device, devices, why_unusable
from mobile.android_bench import DELEGATES, Cell, Matrix, plain_name, run_matrix
from mobile.errors import DeviceError
from mobile.metadata import metadata_path

_FILE_WIDTH = 160
_STEPS = ("preprocessing", "inference", "decoding", "total")
_FIGURES = ("min", "mean", "median", "p90", "p95", "p99", "max", "std")


@dataclass(frozen=True)
class AndroidConfig:
    """Time .tflite models on Android phones: install the app, run every delegate and number of threads, collect."""

    models: list[Path]
    "Models, .tflite, each with the JSON of its export beside it."
    serial: list[str] = field(default_factory=list)
    "Serial numbers of the phones, as `adb devices` lists them; all that are connected by default."
    delegates: list[str] = field(default_factory=lambda: list(DELEGATES))
    "Delegates to run with: cpu, gpu, nnapi."
    threads: list[int] = field(default_factory=lambda: [1, 4])
    "Numbers of threads to run with."
    warmup: int = 5
    "Runs that are not counted, after the first; one image each."
    runs: int = 50
    "Runs that are counted, one image each."
    photograph: Path | None = None
    "Photograph to run on, .jpg or .png; by default a synthetic scene inside the app."
    apk: Path = Path("build/android/pose-distill-bench.apk")
    "The app, as `make apk` builds it."
    timeout: float = 300.0
    "Seconds until the result of one run must be there."
    poll: float = 2.0
    "Seconds between two looks for a result; looking takes a little of the phone's time."
    out: Path = Path("runs/android")
    "Folder for table.csv, table.json, plot.png and, by phone, every result; files of the same name are replaced."

    def __post_init__(self):
        if not self.models or not self.threads or not 1 <= min(self.threads) <= max(self.threads) <= 64:
            raise InputError("models and threads must not be empty, and threads 1 to 64")
        if not self.delegates or not set(self.delegates) <= set(DELEGATES):
            raise InputError(f"delegates must be of {', '.join(DELEGATES)}, not {', '.join(self.delegates) or 'none'}")
        for name, least in (("warmup", 0), ("runs", 1)):
            if not least <= getattr(self, name) <= 1_000_000:
                raise InputError(f"{name} must be {least} to 1000000, not {getattr(self, name)}")
        for name in ("timeout", "poll"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)}")


class Collection:
    """What came of the runs on all phones, written to the folder as it comes; used by several threads."""

    def __init__(self, folder: Path, screen: Console):
        self.rows: list[dict] = []
        self.results: list[dict] = []
        self.failures: list[dict] = []
        self._folder, self._screen, self._lock = folder, screen, Lock()

    def finished(self, serial: str, cell: Cell, result: dict):
        """Keep the result of one run."""
        with self._lock:
            folder = self._folder / plain_name(serial)
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / cell.result, json.dumps(result, indent=1) + "\n")
            self.results.append({"serial": serial, "model": str(cell.model), "result": result})
            self.rows.append(_row(serial, cell, result))
            self._screen.print(f"{serial}: {cell}: done", markup=False, highlight=False, soft_wrap=True)

    def failed(self, serial: str, cell: Cell | None, reason: str):
        """Note that a run, or all that were left on a phone, gave nothing."""
        with self._lock:
            reason = " ".join(reason.split())
            self.failures.append({"serial": serial, "run": None if cell is None else str(cell), "reason": reason})
            what = serial if cell is None else f"{serial}: {cell}"
            self._screen.print(f"{what}: {reason}", markup=False, highlight=False, soft_wrap=True)


def bench_android(config: AndroidConfig, screen: Console) -> Collection:
    """Run the matrix on all phones at once; the tables and the picture are written to `config.out`.

    Raises:
        InputError: a file is missing.
        DeviceError: adb is missing, or no phone is there.
        OSError: something cannot be written.
    """
    _check_files(config)
    states = _phones(config.serial)
    config.out.mkdir(parents=True, exist_ok=True)
    collection = Collection(config.out, screen)
    matrix = Matrix(
        apk=config.apk,
        models=tuple(config.models),
        delegates=tuple(config.delegates),
        threads=tuple(config.threads),
        warmup=config.warmup,
        runs=config.runs,
        photograph=config.photograph,
        timeout=config.timeout,
        poll=config.poll,
    )
    stop = Event()
    with ThreadPoolExecutor(len(states)) as pool:
        phones = [pool.submit(_run_phone, serial, state, matrix, collection, stop) for serial, state in states.items()]
        try:
            for phone in phones:
                phone.result()
        finally:
            # Also after Ctrl-C: the threads clean their phones up, and what is there is written.
            stop.set()
            pool.shutdown()
            _write_tables(config, collection)
    return collection


def _run_phone(serial: str, state: str, matrix: Matrix, collection: Collection, stop: Event):
    if state != "device":
        collection.failed(serial, None, why_unusable(state))
        return
    try:
        run_matrix(
            Device(serial),
            matrix,
            lambda cell, result: collection.finished(serial, cell, result),
            lambda cell, reason: collection.failed(serial, cell, reason),
            stop,
        )
    except DeviceError as error:
        collection.failed(serial, None, f"{error}; what was left to run is left out")


def _check_files(config: AndroidConfig):
    if not config.apk.is_file():
        raise InputError(f"apk {config.apk} does not exist; build it with `make apk` or name it with --apk")
    for model in config.models:
        for file in (model, metadata_path(model)):
            if not file.is_file():
                raise InputError(f"{file} does not exist; distill-export writes a model and its JSON")
    if config.photograph is not None and not config.photograph.is_file():
        raise InputError(f"photograph {config.photograph} does not exist")


def _phones(wanted: list[str]) -> dict[str, str]:
    """State of each phone that is asked for, by serial."""
    states = devices()
    if not states:
        raise DeviceError("adb finds no phone; connect one with USB debugging on, or call adb connect HOST:PORT")
    return {serial: states.get(serial, "not connected") for serial in wanted} if wanted else states


def _row(serial: str, cell: Cell, result: dict) -> dict:
    """One line of the table; times in milliseconds, memory in bytes."""
    device, times, memory = result["device"], result["times"], result["memory"]
    return {
        "phone": f"{device['manufacturer']} {device['model']} ({serial})",
        "soc": device["soc"],
        "android": device["android"],
        "model": cell.model.stem,
        "sha256": result["model"]["sha256"],
        "delegate": cell.delegate,
        "threads": cell.threads,
        "runs": result["request"]["runs"],
        "initialisation_ms": times["initialisation"],
        "first_ms": times["first"],
        "warmup_mean_ms": None if times["warmup"] is None else times["warmup"]["mean"],
        **{f"{step}_{figure}_ms": times[step][figure] for step in _STEPS for figure in _FIGURES},
        "delegated_share": result["delegate"]["share"],
        "memory_before_bytes": memory["before"],
        "memory_peak_bytes": memory["peak"],
        "thermal_before": result["thermal"]["before"]["status"],
        "thermal_after": result["thermal"]["after"]["status"],
        "persons": len(result["persons"]),
    }


def _write_tables(config: AndroidConfig, collection: Collection):
    rows = sorted(collection.rows, key=lambda row: row["phone"])
    report = {
        "tool_version": distill.__version__,
        "settings": to_json_values(config),
        "table": rows,
        "results": collection.results,
        "failures": collection.failures,
    }
    write_atomically(config.out / "table.json", json.dumps(report, indent=1) + "\n")
    if rows:
        text = StringIO()
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(config.out / "table.csv", text.getvalue())
        draw_phones(config.out / "plot.png", rows)


def table(rows: list[dict]) -> Table:
    """The figures of all runs; times in milliseconds."""
    shown = Table(title="milliseconds; init, first: initialisation and first inference; before, after: the other steps")
    for name in ("phone", "model", "delegate"):
        shown.add_column(name, overflow="fold")
    for name in ("threads", "init", "first", "p50", "p90", "p99", "std", "before", "after", "share", "MB", "heat"):
        shown.add_column(name, justify="right")
    for row in sorted(rows, key=lambda row: row["phone"]):
        times = [row[f"{name}_ms"] for name in ("initialisation", "first")]
        times += [row[f"inference_{name}_ms"] for name in ("median", "p90", "p99", "std")]
        times += [row[f"{name}_median_ms"] for name in ("preprocessing", "decoding")]
        share, peak = row["delegated_share"], row["memory_peak_bytes"]
        shown.add_row(
            *(row[name] for name in ("phone", "model", "delegate")),
            str(row["threads"]),
            *(f"{value:.2f}" for value in times),
            share if share == "unknown" else f"{share:.0%}",
            peak if peak == "unknown" else f"{peak / 1e6:.1f}",
            f"{row['thermal_before']} > {row['thermal_after']}",
        )
    return shown


def android(config: AndroidConfig):
    """Run, print the table, and fail if any run failed."""
    collection = bench_android(config, Console(stderr=True))
    if collection.rows:
        Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(table(collection.rows))
    if collection.failures:
        kept = (
            f"the {len(collection.rows)} that went well are in {config.out}" if collection.rows else "no run went well"
        )
        raise InputError(f"{len(collection.failures)} failed, as said above; {kept}")
