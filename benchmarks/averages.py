"""What the weights of one training are best taken as: the last, their moving average, or the mean of its cycles' ends.

    python benchmarks/averages.py --root SET --soft_labels STORE [--cycles 4] [--seeds 3]

Each seed trains once, in cycles of equal length (SGDR). Printed is the AP on SET's val2017 of the last weights, the
baseline; of their moving average, which is what a training keeps; and of the mean of the checkpoints at the cycles'
ends, from the second on, with its normalisation's statistics measured anew on train2017 (`distill-average`); then mean,
spread and ratio. Finished trainings are kept in the folder `--out`.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import torch
from precision import processor

from distill.commands.average import AverageConfig, average_checkpoints
from distill.commands.cli import load_config
from distill.commands.eval import EvalConfig, EvalDataConfig, evaluate_model
from distill.commands.train import train
from distill.networks.checkpoint import load_network, read_checkpoint, save_checkpoint
from distill.training.config import TrainConfig, TrainDataConfig

KINDS = ("last", "moving average", "mean of cycles")
_NETWORK = "network."


def trained(given: argparse.Namespace, seed: int) -> Path:
    """Folder of one training, gone on with or taken where it is there."""
    out = given.out / f"{given.input_size}_{given.steps}_{given.cycles}_{seed}"
    last = out / "last.safetensors"
    if not last.exists() or load_network(last)[1].step < given.steps:
        settings = {
            "data.root": given.root,
            "data.soft_labels": given.soft_labels,
            "out": out,
            "input_size": given.input_size,
            "steps": given.steps,
            "seed": seed,
            "resume": "auto",
            "schedule.period": given.steps // given.cycles,
            "schedule.period_growth": 1.0,
            "log.images_every": 0,
            "log.histograms_every": 0,
            "log.minival_every": 0,
            "log.minival_images": 1,
        }
        train(load_config(TrainConfig, given.recipe, settings))
    return out


def checkpoints(given: argparse.Namespace, run: Path) -> dict[str, Path]:
    """One of each kind."""
    last, raw, averaged = (run / f"{name}.safetensors" for name in ("last", "raw", "averaged"))
    info, _, state = read_checkpoint(last)
    network = {key.removeprefix(_NETWORK): value for key, value in state.items() if key.startswith(_NETWORK)}
    save_checkpoint(raw, replace(info, optimizer={}), network)
    ends = sorted(run.glob("restart_*.safetensors"))[1:]
    data = TrainDataConfig(root=given.root)
    average_checkpoints(AverageConfig(ends, averaged, data, batches=given.batches))
    return dict(zip(KINDS, (raw, last, averaged), strict=True))


def main():
    """Train, average, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="set with train2017 and val2017")
    parser.add_argument("--soft_labels", required=True, help="store of train2017")
    parser.add_argument("--recipe", type=Path, default=Path("distill/recipes/compare.yaml"), help="what else is set")
    parser.add_argument("--out", type=Path, default=Path("runs/averages"), help="folder of the trainings")
    parser.add_argument("--input_size", type=int, default=128, help="side of the input, pixels")
    parser.add_argument("--steps", type=int, default=1200, help="optimiser steps of each training")
    parser.add_argument("--cycles", type=int, default=4, help="cycles of each training, 3 or more")
    parser.add_argument("--batches", type=int, default=50, help="that the statistics are measured on")
    parser.add_argument("--photographs", type=int, default=500, help="of val2017 that AP is measured on")
    parser.add_argument("--seeds", type=int, default=3, help="trainings")
    given = parser.parse_args()
    aps: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(given.seeds):
        for kind, path in checkpoints(given, trained(given, seed)).items():
            config = EvalConfig(path, data=EvalDataConfig(root=given.root), limit=given.photographs)
            aps[kind].append(evaluate_model(config)["ap"])
            print(f"seed {seed}, {kind}: AP {aps[kind][-1]:.3f}", flush=True)
    print(f"\n{processor()}, {torch.get_num_threads()} threads; {given.cycles} cycles, {given.steps} steps in all")
    print(f"{'weights':<18}{'AP by seed':<24}{'mean':>7}{'std':>8}{'ratio':>7}")
    for kind, values in aps.items():
        spread = stdev(values) if given.seeds > 1 else float("nan")
        ratio = mean(values) / max(mean(aps["last"]), 1e-9)
        print(f"{kind:<18}{' '.join(f'{v:.3f}' for v in values):<24}{mean(values):>7.3f}{spread:>8.3f}{ratio:>7.2f}")


if __name__ == "__main__":
    main()
