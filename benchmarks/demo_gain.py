"""What the teacher adds: the demo's student from hard labels only, soft labels only, and both.

python benchmarks/demo_gain.py --demo runs/demo --steps 1850 --seeds 3

Equal scenes, steps and seeds, from scratch, by the demo's recipe at an input of 128 pixels or another; scenes and
soft labels are those of `make demo`. Printed is the AP on the held-out scenes, its mean and standard deviation over
the seeds, and the ratio to the baseline, hard labels only. Finished trainings are kept in the folder `--out`, so the
command can be stopped and started again.
"""

import argparse
from importlib.resources import files
from pathlib import Path
from statistics import mean, stdev

from distill.commands.cli import load_config
from distill.commands.train import train
from distill.networks.checkpoint import load_network
from distill.training.config import TrainConfig

ARMS = {"hard": 0.0, "soft": 1.0, "both": 0.5}
"Share of the soft labels in the heatmap loss."


def measure(demo: Path, out: Path, alpha: float, input_size: int, steps: int, seed: int) -> float:
    """AP on the held-out scenes of one training, which is gone on with or read back where it is there."""
    overrides = {
        "data.root": demo / "data",
        "data.soft_labels": demo / "labels_train2017.zarr",
        "out": out,
        "input_size": input_size,
        "steps": steps,
        "schedule.period": steps,
        "seed": seed,
        "resume": "auto",
        "loss.alpha": alpha,
        "log.images_every": 0,
        "log.histograms_every": 0,
        "log.minival_every": 0,
        "log.minival_images": 500,
    }
    last = out / "last.safetensors"
    if not last.exists() or load_network(last)[1].step < steps:
        train(load_config(TrainConfig, files("distill") / "recipes" / "compare.yaml", overrides))
    return load_network(last)[1].metrics["ap"]


def main():
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, default=Path("runs/demo"), help="folder of `make demo`")
    parser.add_argument("--out", type=Path, default=Path("runs/demo_gain"), help="folder of the trainings")
    parser.add_argument("--input_size", type=int, default=128, help="side of the input; the demo's own takes longer")
    parser.add_argument("--steps", type=int, default=1850, help="optimiser steps of each training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    arguments = parser.parse_args()
    figures = {name: [] for name in ARMS}
    for seed in range(arguments.seeds):
        for name, alpha in ARMS.items():
            out = arguments.out / f"{name}_{arguments.input_size}_{arguments.steps}_{seed}"
            ap = measure(arguments.demo, out, alpha, arguments.input_size, arguments.steps, seed)
            figures[name].append(ap)
            print(f"{name} seed {seed}: AP {ap:.3f}", flush=True)
    baseline = max(mean(figures["hard"]), 1e-9)
    print(f"\n{'labels':<8}{'AP by seed':<24}{'mean':>7}{'std':>8}{'ratio':>7}")
    for name, values in figures.items():
        spread = stdev(values) if len(values) > 1 else float("nan")
        seeds = " ".join(f"{value:.3f}" for value in values)
        print(f"{name:<8}{seeds:<24}{mean(values):>7.3f}{spread:>8.3f}{mean(values) / baseline:>7.2f}")


if __name__ == "__main__":
    main()
