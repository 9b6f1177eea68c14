"""What the student's attention should multiply its features by: 1 + sigmoid(a), or sigmoid(a) as the original did.

python benchmarks/gate.py --root runs/demo/data --steps 1500 --seeds 2

Both learn from the hard labels of the demo's scenes by the demo's recipe at an input of 128 pixels or another, at
equal steps and seeds. Printed is the AP on the held-out scenes and its ratio to the baseline, sigmoid(a).
"""

import argparse
import tempfile
from importlib.resources import files
from pathlib import Path
from statistics import mean

from distill.commands.cli import load_config
from distill.training.config import TrainConfig
from distill.training.trainer import Trainer


def train(root: Path, input_size: int, steps: int, seed: int, gate: str, out: Path) -> float:
    """AP on the held-out scenes after a training."""
    overrides = {
        "data.root": root,
        "out": out,
        "input_size": input_size,
        "steps": steps,
        "schedule.period": steps,
        "seed": seed,
        "model.gate": gate,
        "loss.alpha": 0,
        "log.images_every": 0,
        "log.histograms_every": 0,
        "log.minival_every": 0,
        "log.minival_images": 500,
    }
    return Trainer(load_config(TrainConfig, files("distill") / "recipes" / "compare.yaml", overrides)).run()["ap"]


def main():
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("runs/demo/data"), help="the demo's scenes")
    parser.add_argument("--input_size", type=int, default=128, help="side of the input; the demo's own takes longer")
    parser.add_argument("--steps", type=int, default=1500, help="optimiser steps of each training")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each gate")
    arguments = parser.parse_args()
    figures = {}
    for gate in ("sigmoid", "one_plus_sigmoid"):
        with tempfile.TemporaryDirectory() as folder:
            figures[gate] = [
                train(arguments.root, arguments.input_size, arguments.steps, seed, gate, Path(folder) / str(seed))
                for seed in range(arguments.seeds)
            ]
    for gate, values in figures.items():
        ratio = mean(values) / max(mean(figures["sigmoid"]), 1e-9)
        print(f"{gate:<18}{' '.join(f'{value:.3f}' for value in values)}   mean {mean(values):.3f}   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
