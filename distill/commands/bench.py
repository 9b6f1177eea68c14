"""distill-bench: how fast exported models are."""

import json
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

import distill
from distill.commands.bench_android import AndroidConfig, android
from distill.commands.cli import commands
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.deployment.host_bench import measure
from distill.deployment.precisions import evaluation_on
from distill.deployment.tradeoff import draw_tradeoff
from distill.evaluation.exported import exported_skeleton
from distill.synthetic import SceneConfig, draw_scene
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.json_values import to_json_values
from mobile import metadata
from mobile.runtime import LiteRTModel

SCENES = SceneConfig(size=480)
SCENE_SEED = 2025
_FILE_WIDTH = 160


@dataclass(frozen=True)
class BenchDataConfig(DataSource):
    """Photographs to bench with."""

    split: str = "val2017"
    "Split of the set."


@dataclass(frozen=True)
class HostConfig:
    """Time .tflite models on this host with LiteRT, in turns, each in a process of its own."""

    models: list[Path]
    "Models, .tflite; the first is what the others are compared with."
    threads: list[int] = field(default_factory=lambda: [1, 2])
    "Numbers of threads to run with."
    runs: int = 200
    "Runs of each model with each number of threads."
    turns: int = 20
    "How many times each model gets its turn."
    limit: int | None = None
    "Measure the AP on so many photographs, those of lowest id; all by default."
    photographs: int = 16
    "Photographs to time preprocessing and decoding with."
    data: BenchDataConfig = field(default_factory=BenchDataConfig)
    "Where they come from."
    out: Path | None = None
    "JSON to write: every figure, the machine, these settings."
    plot: Path | None = None
    "Picture to write, .png, .svg or .pdf: AP against latency; needs data.root."

    def __post_init__(self):
        for name in ("runs", "turns", "photographs", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        if not self.models or not self.threads or min(self.threads) < 1:
            raise InputError("models and threads must not be empty, and threads at least 1")
        if self.plot is not None and not self.data.is_named:
            raise InputError("plot needs data.root, the set to measure the AP on")
        if self.plot is not None and self.plot.suffix not in (".png", ".svg", ".pdf"):
            raise InputError(f"plot {self.plot} must end in .png, .svg or .pdf")


def bench_host(config: HostConfig) -> dict:
    """Measure as configured, showing progress; the report, which is also written to `config.out`.

    Raises:
        InputError, ExportError: a model or the photographs cannot be read.
        OSError: report or picture cannot be written.
    """
    for path in filter(None, (config.out, config.plot)):
        path.parent.mkdir(parents=True, exist_ok=True)
    data = KeypointSet(config.data, None) if config.data.is_named else None
    screen = Console(stderr=True)
    columns = (TextColumn("timing"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("turns", total=config.turns)
        rows = measure(
            config.models,
            _photographs(config, data),
            config.threads,
            config.runs,
            config.turns,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    precisions = {str(path): _precision(path, config) for path in config.models}
    report = {
        "machine": {"platform": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "tool_version": distill.__version__,
        "settings": to_json_values(config),
        "models": [row | {"ap": precisions[row["model"]]} for row in rows],
    }
    if config.out is not None:
        write_atomically(config.out, json.dumps(report, indent=1) + "\n")
    if config.plot is not None:
        draw_tradeoff(config.plot, report["models"])
    return report


def _photographs(config: HostConfig, data: KeypointSet | None) -> list[np.ndarray]:
    if data is None:
        return [draw_scene(SCENES, SCENE_SEED, i).image for i in range(config.photographs)]
    return [data.photograph(i) for i in data.image_ids[: config.photographs].tolist()]


def _precision(path: Path, config: HostConfig) -> float | None:
    """AP of a model of ours; None for others, whose outputs we do not read, and where nobody is annotated."""
    if not config.data.is_named or not metadata.is_described(path):
        return None
    evaluation = evaluation_on(KeypointSet(config.data, exported_skeleton(LiteRTModel(path))), config.limit)
    return None if evaluation is None else evaluation(path)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def table(rows: list[dict]) -> Table:
    """The figures of a report; times in milliseconds."""
    shown = Table(title="milliseconds; memory above that of the empty process")
    shown.add_column("model", overflow="fold")
    for name in ("threads", "load", "first", "p50", "p90", "p99", "mean", "before", "after", "MB", "pieces", "x", "AP"):
        shown.add_column(name, justify="right")
    for row in rows:
        times = [row[f"{name}_ms"] for name in ("load", "first", "p50", "p90", "p99", "mean", "preprocess", "decode")]
        pieces = f"{row['delegated_pieces']}{'' if row['whole_graph_delegated'] else '+'}"
        shown.add_row(
            Path(row["model"]).name,
            str(row["threads"]),
            *("-" if value is None else f"{value:.2f}" for value in times),
            f"{row['peak_memory_bytes'] / 1e6:.1f}",
            pieces,
            f"{row['times_as_fast_as_first_model']:.2f}",
            "-" if row["ap"] is None else f"{row['ap']:.3f}",
        )
    shown.caption = (
        "before, after: preprocessing and decoding; pieces: delegated parts, + where operators are left outside; "
        "x: times as fast as the first model"
    )
    return shown


def _host(config: HostConfig):
    shown = table(bench_host(config)["models"])
    Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(shown)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    actions = {"host": (HostConfig, _host), "android": (AndroidConfig, android)}
    return commands("distill-bench", "Measure how fast exported models are.", actions, argv)
