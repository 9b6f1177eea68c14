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

import distill
from distill.deployment.phone_agreement import PhoneChecks, photograph_of
from distill.deployment.phone_plot import draw_phones
from distill.deployment.phone_table import cells_of, phone_table, row_of
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.json_values import to_json_values
from mobile.adb import Device, devices, why_unusable
from mobile.android_bench import BUNDLED_SCENE, DELEGATES, Matrix, Measured, Run, run_matrix
from mobile.errors import DeviceError
from mobile.phone_folder import plain_name

_FILE_WIDTH = 160


@dataclass(frozen=True)
class AndroidConfig:
    """Time .tflite models on Android phones: install the app, run every delegate and number of threads, collect."""

    models: list[Path]
    "Models, .tflite. One of ours has its JSON beside it or in it; of any other there are times only."
    serial: list[str] = field(default_factory=list)
    "Serial numbers of the phones, as `adb devices` lists them; all that are connected by default."
    delegates: list[str] = field(default_factory=lambda: ["cpu", "gpu"])
    "Delegates to run with: cpu, gpu, nnapi, which Android has given up since its version 15."
    threads: list[int] = field(default_factory=lambda: [1, 4])
    "Numbers of threads of the CPU; other delegates run once, with the first."
    launches: int = 3
    "Starts of the app for each cell of the table, in rotating order; they tell the spread between processes."
    warmup: int = 5
    "Least runs that are not counted, after the first; one image each."
    warmup_ms: int = 500
    "Least time of the runs that are not counted, milliseconds."
    runs: int = 50
    "Least runs that are counted, one image each; the 99th percentile is told of 500 or more."
    runs_ms: int = 1000
    "Least time of the runs that are counted, milliseconds."
    half_precision: bool = True
    "Whether gpu and nnapi may compute in half precision."
    sustained_speed: bool = False
    "Whether gpu and nnapi should prefer the speed of a long run to that of a single answer."
    serialise: bool = False
    "Whether gpu and nnapi may keep what they compiled, so that the next launch starts faster."
    min_agreement: float = 0.95
    "Least OKS, 0..1, of a phone's persons with those of this host on the same photograph; below it a run has failed."
    max_difference: float = 0.05
    "Most that a phone's outputs may differ from this host's, as a share of the largest; above it a run has failed."
    photograph: Path | None = None
    "Photograph to run on, .jpg or .png; by default a synthetic scene inside the app."
    apk: Path = Path("build/android/pose-distill-bench.apk")
    "The app, as `make apk` builds it."
    timeout: float = 300.0
    "Seconds until the result of one run must be there."
    cooldown: float = 120.0
    "Seconds to wait at most, before each run, until the phone is as cool as it was at the start; 0 for never."
    out: Path = Path("runs/android")
    "Folder for table.csv, table.json, plot.png and, by phone, every result; files of the same name are replaced."

    def __post_init__(self):
        if not self.models or not self.threads or not 1 <= min(self.threads) <= max(self.threads) <= 64:
            raise InputError("models and threads must not be empty, and threads 1 to 64")
        if not self.delegates or not set(self.delegates) <= set(DELEGATES):
            raise InputError(f"delegates must be of {', '.join(DELEGATES)}, not {', '.join(self.delegates) or 'none'}")
        ranges = {
            "launches": (1, 1000),
            "warmup": (0, 1_000_000),
            "warmup_ms": (0, 600_000),
            "runs": (1, 1_000_000),
            "runs_ms": (0, 600_000),
            "min_agreement": (0, 1),
            "max_difference": (0, 1),
            "cooldown": (0, 86_400),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise InputError(f"{name} must be {least} to {most}, not {getattr(self, name)}")
        if self.timeout <= 0:
            raise InputError(f"timeout must be above 0, not {self.timeout}")


class Collection:
    """What came of the runs on all phones, written to the folder as it comes; used by several threads."""

    def __init__(self, config: AndroidConfig, screen: Console):
        self.rows: list[dict] = []
        self.results: list[dict] = []
        self.failures: list[dict] = []
        self._config, self._screen, self._lock = config, screen, Lock()
        self._checks = PhoneChecks(photograph_of(config.photograph, config.apk, BUNDLED_SCENE))

    def finished(self, serial: str, run: Run, measured: Measured):
        """Keep the result of one run, which counts if the phone computed what this host does."""
        result = measured.result
        with self._lock:
            agreement = self._checks(run.cell.model, result, measured.outputs)
            folder = self._config.out / plain_name(serial)
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / run.result, json.dumps(result, indent=1) + "\n")
            said = None if agreement is None else to_json_values(agreement)
            self.results.append({"serial": serial, "model": str(run.cell.model), "agreement": said, "result": result})
            complaint = agreement and agreement.complaint(self._config.min_agreement, self._config.max_difference)
            if not complaint:
                self.rows.append(row_of(serial, run, measured, agreement))
                self._screen.print(f"{serial}: {run}: done", markup=False, highlight=False, soft_wrap=True)
        if complaint:
            self.failed(serial, run, f"{complaint}; try --half_precision false or another delegate")

    def failed(self, serial: str, run: Run | None, reason: str):
        """Note that a run, or all that were left on a phone, gave nothing."""
        with self._lock:
            reason = " ".join(reason.split())
            self.failures.append({"serial": serial, "run": None if run is None else str(run), "reason": reason})
            what = serial if run is None else f"{serial}: {run}"
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
    collection = Collection(config, screen)
    config.out.mkdir(parents=True, exist_ok=True)
    asked = ("warmup", "warmup_ms", "runs", "runs_ms", "half_precision", "sustained_speed", "serialise")
    matrix = Matrix(
        apk=config.apk,
        models=tuple(config.models),
        delegates=tuple(config.delegates),
        threads=tuple(config.threads),
        launches=config.launches,
        request={name: getattr(config, name) for name in asked},
        photograph=config.photograph,
        timeout=config.timeout,
        cooldown=config.cooldown,
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
            lambda run, measured: collection.finished(serial, run, measured),
            lambda run, reason: collection.failed(serial, run, reason),
            stop,
        )
    except DeviceError as error:
        collection.failed(serial, None, f"{error}; what was left to run is left out")


def _check_files(config: AndroidConfig):
    if not config.apk.is_file():
        raise InputError(f"apk {config.apk} does not exist; build it with `make apk` or name it with --apk")
    for model in config.models:
        if not model.is_file():
            raise InputError(f"{model} does not exist; distill-export writes a model")
    if config.photograph is not None and not config.photograph.is_file():
        raise InputError(f"photograph {config.photograph} does not exist")


def _phones(wanted: list[str]) -> dict[str, str]:
    """State of each phone that is asked for, by serial."""
    states = devices()
    if not states:
        raise DeviceError("adb finds no phone; connect one with USB debugging on, or call adb connect HOST:PORT")
    return {serial: states.get(serial, "not connected") for serial in wanted} if wanted else states


def _write_tables(config: AndroidConfig, collection: Collection):
    rows = sorted(collection.rows, key=lambda row: row["phone"])
    report = {
        "tool_version": distill.__version__,
        "settings": to_json_values(config),
        "table": rows,
        "cells": cells_of(rows),
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
        draw_phones(config.out / "plot.png", cells_of(rows))


def android(config: AndroidConfig):
    """Run, print the table, and fail if any run failed."""
    collection = bench_android(config, Console(stderr=True))
    if collection.rows:
        Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(phone_table(cells_of(collection.rows)))
    if collection.failures:
        kept = (
            f"the {len(collection.rows)} that went well are in {config.out}" if collection.rows else "no run went well"
        )
        raise InputError(f"{len(collection.failures)} failed, as said above; {kept}")
