"""Students side by side: what each costs and what it finds after equal steps on equal samples.

    python benchmarks/student_table.py --root SET [--soft_labels STORE] [--students attention_xs hourglass_2 ...]

A row a student: parameters, multiplications, milliseconds of a training step, milliseconds and size of the .tflite in
float32 and in int8 on one thread, AP on SET's val2017 by seed. The ratio is that of the mean AP to the baseline,
attention_xs. Finished trainings are kept in the folder `--out`, so the command can be stopped and started again;
`--settings` are given to every training, such as `--settings schedule.peak=0.01`.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import torch
from precision import processor
from torch.utils.flop_counter import FlopCounterMode

from distill.commands.cli import load_config
from distill.commands.export import export_variants
from distill.commands.export_config import ExportConfig, ExportDataConfig
from distill.commands.train import train
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.drawing.persons import draw_persons
from distill.drawing.result_sheet import confident
from distill.drawing.sheet import contact_sheet, write_image
from distill.evaluation.models import load_model
from distill.networks.checkpoint import load_network
from distill.training.config import TrainConfig
from mobile import bench

BASELINE = "attention_xs"
STUDENTS = (
    BASELINE,
    "context",
    "centre_xs",
    "hourglass_1",
    "hourglass_2",
    "unet",
    "posenet_s8",
    "posenet_s16",
    "transfer",
    "attention_lite0",
)
PRECISIONS = ("float32", "int8")
RUNS = 50
SHOWN, SHOWN_EVERY, SURE = 6, 7, 0.1
"Photographs of the picture, every so many of the set's, and the score from which a person is drawn."


@dataclass
class Cost:
    """What a student costs."""

    parameters: int
    gigamacs: float
    step_ms: float
    invoke_ms: dict[str, float]
    megabytes: dict[str, float]
    drop: float
    "Points of AP that int8 loses against float32, on the first photographs."


def trained(given: argparse.Namespace, student: str, seed: int) -> tuple[Path, float]:
    """Checkpoint of one training, gone on with or read back where it is there, and milliseconds of a step."""
    out = given.out / f"{student}_{given.input_size}_{given.steps}_{seed}"
    last, clock = out / "last.safetensors", out / "step_ms.txt"
    if not last.exists() or load_network(last)[1].step < given.steps:
        settings = {
            "model": student,
            "data.root": given.root,
            "out": out,
            "input_size": given.input_size,
            "steps": given.steps,
            "schedule.period": given.steps,
            "seed": seed,
            "resume": "auto",
            "loss.alpha": 0.0 if given.soft_labels is None else 0.5,
            "log.images_every": 0,
            "log.histograms_every": 0,
            "log.minival_every": 0,
            "log.minival_images": 500,
        }
        if given.soft_labels is not None:
            settings["data.soft_labels"] = given.soft_labels
        settings |= dict(each.split("=", 1) for each in given.settings)
        started = time.perf_counter()
        train(load_config(TrainConfig, given.recipe, settings))
        clock.write_text(str(1000 * (time.perf_counter() - started) / given.steps))
    return last, float(clock.read_text())


def cost(given: argparse.Namespace, checkpoint: Path, step_ms: float) -> Cost:
    """Size and speed of one student."""
    network, info = load_network(checkpoint)
    width, height = info.input_size
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, height, width))
    settings = {"precision": list(PRECISIONS), "ranges": "min_max", "limit": 100, "max_ap_drop": 100.0}
    out = checkpoint.with_name("student.tflite")
    variants = export_variants(ExportConfig(checkpoint, out, data=ExportDataConfig(root=given.root), **settings))
    paths = {v.quantisation.precision: v.report.path for v in variants if v.report is not None}
    timings = bench.measure(list(paths.values()), [1], RUNS)
    times = {precision: timing.percentile(50) for precision, timing in zip(paths, timings, strict=True)}
    sizes = {precision: path.stat().st_size / 1e6 for precision, path in paths.items()}
    parameters = sum(p.numel() for p in network.parameters())
    drop = next((v.drop for v in variants if v.quantisation.precision == "int8"), float("nan"))
    return Cost(parameters, counter.get_total_flops() / 2e9, step_ms, times, sizes, drop)


def draw(given: argparse.Namespace, checkpoints: dict[str, Path]):
    """One picture: photographs, who is annotated, and whom each student finds."""
    models = {student: load_model(path) for student, path in checkpoints.items()}
    skeleton = next(iter(models.values())).skeleton
    data = KeypointSet(DataSource(given.root, "val2017"), skeleton)
    ids = data.image_ids[: SHOWN * SHOWN_EVERY : SHOWN_EVERY].tolist()
    photographs = [data.photograph(image_id) for image_id in ids]
    columns = {"annotated": [data.keypoints(image_id) for image_id in ids]}
    for student, model in models.items():
        columns[student] = [confident(*found, least=SURE) for found in model.predictor()(photographs)]
    rows = [
        [draw_persons(photograph, persons[row], skeleton, scale=2) for persons in columns.values()]
        for row, photograph in enumerate(photographs)
    ]
    write_image(given.sheet, contact_sheet(rows, list(columns)))


def main():
    """Train, export, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="set with train2017 and val2017")
    parser.add_argument("--soft_labels", help="store of train2017; hard labels alone without it")
    parser.add_argument("--students", nargs="+", default=list(STUDENTS), help="networks by name, the baseline first")
    parser.add_argument("--recipe", type=Path, default=Path("distill/recipes/compare.yaml"), help="what else is set")
    parser.add_argument("--out", type=Path, default=Path("runs/students"), help="folder of the trainings")
    parser.add_argument("--input_size", type=int, default=128, help="side of the input, pixels")
    parser.add_argument("--steps", type=int, default=1500, help="optimiser steps of each training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each student")
    parser.add_argument("--settings", nargs="*", default=[], help="of every training, NAME=VALUE")
    parser.add_argument("--sheet", type=Path, help="picture to write: whom each student of the first seed finds")
    given = parser.parse_args()
    rows, first = {}, {}
    for seed in range(given.seeds):
        for student in given.students:
            last, step_ms = trained(given, student, seed)
            first.setdefault(student, last)
            aps, costs = rows.setdefault(student, ([], []))
            aps.append(load_network(last)[1].metrics["ap"])
            if not costs:
                costs.append(cost(given, last, step_ms))
            print(f"{student} seed {seed}: AP {aps[-1]:.3f}", flush=True)
    base = max(mean(rows[given.students[0]][0]), 1e-9)
    print(f"\n{processor()}, {torch.get_num_threads()} threads to train, 1 to run; {given.input_size} pixels")
    columns = ("M par.", "GMAC", "step ms", "f32 ms", "int8 ms", "f32 MB", "int8 MB", "int8 -AP")
    head = "".join(f"{name:>{max(8, len(name))}}" for name in columns)
    print(f"{'student':18}{head}{'AP by seed':>22}{'mean':>7}{'std':>7}{'ratio':>7}")
    for student, (aps, (found,)) in rows.items():
        spread = stdev(aps) if len(aps) > 1 else float("nan")
        figures = [found.parameters / 1e6, found.gigamacs, found.step_ms]
        figures += [of.get(p, float("nan")) for of in (found.invoke_ms, found.megabytes) for p in PRECISIONS]
        numbers = "".join(f"{value:8.2f}" for value in (*figures, found.drop))
        seeds = " ".join(f"{ap:.3f}" for ap in aps)
        print(f"{student:18}{numbers}{seeds:>22}{mean(aps):7.3f}{spread:7.3f}{mean(aps) / base:7.2f}")
    if given.sheet is not None:
        draw(given, first)


if __name__ == "__main__":
    main()
