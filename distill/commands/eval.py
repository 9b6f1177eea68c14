"""distill-eval: COCO keypoint figures of a checkpoint or an exported model."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import distill
from distill.commands.cli import command
from distill.commands.eval_analysis import ANALYSIS, SHEET, Analysed, tables, write_analysis
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import FIGURES, Predictions, bootstrap_ap, evaluate, write_results
from distill.evaluation.models import load_model
from distill.evaluation.predictor import predict_all
from distill.pose.grouping import GroupingConfig
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.json_values import to_json_values
from distill.system.notes import note
from distill.system.sizes import size_of

_DRAWS = 1000
"Of the intervals of an analysis, where bootstrap does not say."


@dataclass(frozen=True)
class EvalDataConfig(DataSource):
    """A split of a COCO keypoint set."""

    split: str = "val2017"
    "Split to evaluate on."


@dataclass(frozen=True)
class EvalConfig:
    """Score a model against annotated people."""

    model: Path
    "Checkpoint of distill-train (.safetensors) or model of distill-export (.tflite, its JSON beside it)."
    data: EvalDataConfig
    "Photographs and annotations."
    out: Path | None = None
    "JSON to write: figures, SHA-256 of the model, these settings."
    results: Path | None = None
    "JSON to write: every person found, in COCO's results format; also of photographs that nobody annotated."
    analyse: Path | None = None
    """Folder to write: errors by kind and what AP would be without them, figures by joint, curves, the worst persons
    with pictures (analysis.json, worst.jpg, worst/)."""
    against: list[Path] = field(default_factory=list)
    "Further models that the analysis holds against this one, with the interval of the difference."
    soft_labels: str | None = None
    "Store of the same photographs, path or URL; the analysis shows its teacher beside the model."
    flip: bool = False
    "Average with the mirrored photograph."
    input_size: int | tuple[int, int] | None = None
    "Input of a checkpoint's network, pixels: a side, or width and height; by default that of its training."
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    "How maps become persons."
    limit: int | None = None
    "Evaluate on so many photographs, those of lowest id; all by default."
    batch_size: int = 32
    "Photographs that go through the network together."
    bootstrap: int = 0
    "Draw the photographs so often again for a 95 % interval of AP; 1000 is usual, 0 gives none."
    threads: int | None = None
    "Threads of the network on the CPU; by default one a core."

    def __post_init__(self):
        for name in ("limit", "batch_size", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        if self.input_size is not None:
            object.__setattr__(self, "input_size", size_of(self.input_size, "input_size", multiple=32))
        if self.bootstrap < 0:
            raise InputError(f"bootstrap must not be negative, not {self.bootstrap}")
        if self.analyse is None and (self.against or self.soft_labels):
            raise InputError("against and soft_labels belong to an analysis; name its folder with analyse")
        if self.analyse is not None and self.analyse.exists() and not self.analyse.is_dir():
            raise InputError(f"analyse {self.analyse} is a file; name a folder to write")
        for name in ("out", "results"):
            path = getattr(self, name)
            if path is not None and (path.is_dir() or path == self.model):
                raise InputError(f"{name} {path} is a folder or the model; name a JSON file to write")


def evaluate_model(config: EvalConfig) -> dict:
    """Evaluate as configured, showing progress; the report, which is also written to `config.out`.

    Raises:
        InputError: model or data cannot be read.
        ExportError: as `load_model`.
        OSError: the report cannot be written.
    """
    for path in (config.out, config.results):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    model = load_model(config.model, input_size=config.input_size)
    data = KeypointSet(config.data, model.skeleton)
    image_ids = data.image_ids[: config.limit].tolist()
    if config.results is None or config.analyse is not None:
        data.require_labelled(image_ids)
    # What an exported model recommends counts unless something else is asked for.
    predictor = model.predictor(None if config.grouping == GroupingConfig() else config.grouping, config.flip)
    started = time.perf_counter()
    columns = (TextColumn("evaluating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("photographs", total=len(image_ids))
        predictions = predict_all(
            predictor, data, image_ids, config.batch_size, lambda done, _: progress.update(task, completed=done)
        )
    seconds = time.perf_counter() - started
    report = {
        **_figures(predictions, data, image_ids),
        "images": len(image_ids),
        "seconds": round(seconds, 3),
        "model_sha256": _sha256(config.model),
        "model": {"input_size": model.input_size, "skeleton": model.skeleton.name, **model.origin},
        "grouping": to_json_values(predictor.grouping),
        "annotation_sha256": data.annotation_sha256,
        "tool_version": distill.__version__,
        "settings": to_json_values(config),
    }
    if config.bootstrap and report["ap"] is not None:
        report["ap_interval"] = bootstrap_ap(predictions, data, image_ids, samples=config.bootstrap)
    if config.results is not None:
        write_results(config.results, predictions, data.category)
    if config.out is not None:
        write_atomically(config.out, json.dumps(report, indent=1) + "\n")
    if config.analyse is not None:
        report["analysis"] = write_analysis(
            config.analyse,
            Analysed(config.model, predictor, predictions),
            data,
            image_ids,
            against=config.against,
            soft_labels=config.soft_labels,
            bootstrap=config.bootstrap or _DRAWS,
            batch_size=config.batch_size,
            report=report,
        )
    return report


def _figures(predictions: Predictions, data: KeypointSet, image_ids: list[int]) -> dict[str, float | None]:
    """COCO's figures; none where nobody is annotated and only the results are wanted."""
    if any(data.is_annotated(image_id) for image_id in image_ids):
        return evaluate(predictions, data, image_ids)
    note(f"nobody is annotated in {data.annotation_file}: there are results and no figures")
    return dict.fromkeys(FIGURES)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _table(report: dict) -> Table:
    table = Table("figure", "value")
    for name in FIGURES:
        value = report[name]
        table.add_row(name, "-" if value is None else f"{value:.3f}")
    if "ap_interval" in report:
        table.add_row("ap, 95 %", "{:.3f} to {:.3f}".format(*report["ap_interval"]))
    return table


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: EvalConfig):
        report = evaluate_model(config)
        print(f"{config.model} on {report['images']} photographs of {config.data.split}")
        Console().print(_table(report))
        if config.analyse is not None:
            Console().print(tables(report["analysis"]))
            print(f"{config.analyse / ANALYSIS}, {config.analyse / SHEET}")

    return command("distill-eval", "Score a model against annotated people.", EvalConfig, action, argv)
