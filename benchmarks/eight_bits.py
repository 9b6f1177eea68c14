"""What an int8 export loses after learning on in eight bits, and after learning on for as long without.

    python benchmarks/eight_bits.py --root SET --soft_labels STORE --weights A/last.safetensors B/last.safetensors ...

From each checkpoint, of another seed each, the recipe goes on twice: as it is, and without `eight_bits`, the baseline.
Printed is the AP on SET's val2017 through LiteRT, of float32 and of int8 calibrated on train2017, and what int8 loses,
beside the same of the checkpoint itself; then mean and spread, and the ratio of the losses.
"""

import argparse
from pathlib import Path
from statistics import mean, stdev

import torch
from precision import processor

from distill.commands.cli import load_config
from distill.commands.export import export_variants
from distill.commands.export_config import ExportConfig, ExportDataConfig
from distill.commands.train import train
from distill.networks.checkpoint import load_network
from distill.training.config import TrainConfig

ARMS = {"before": None, "without": False, "eight_bits": True}
"What learning on is done with; None for none."


def learnt_on(given: argparse.Namespace, weights: Path, number: int, eight_bits: bool) -> Path:
    """Checkpoint of a training, gone on with or taken where it is there."""
    out = given.out / f"{number}_{'eight_bits' if eight_bits else 'without'}"
    last = out / "last.safetensors"
    if not last.exists() or load_network(last)[1].step < given.steps:
        settings = {
            "data.root": given.root,
            "data.soft_labels": given.soft_labels,
            "out": out,
            "weights": weights,
            "input_size": given.input_size,
            "steps": given.steps,
            "seed": number,
            "resume": "auto",
            "eight_bits": eight_bits,
        }
        train(load_config(TrainConfig, given.recipe, settings))
    return last


def exported_aps(given: argparse.Namespace, checkpoint: Path, name: str) -> tuple[float, float]:
    """AP of float32 and of int8."""
    config = ExportConfig(
        model=checkpoint,
        out=given.out / "models" / f"{name}.tflite",
        precision=["float32", "int8"],
        ranges=given.ranges,
        max_ap_drop=100.0,
        data=ExportDataConfig(root=given.root, split="val2017"),
        limit=given.photographs,
        runs=1,
    )
    float32, int8 = export_variants(config)
    return float32.ap, int8.ap


def main():
    """Train, export, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="set with train2017 and val2017")
    parser.add_argument("--soft_labels", required=True, help="store of train2017")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="checkpoints to learn on from")
    parser.add_argument("--recipe", type=Path, default=Path("distill/recipes/eight_bits.yaml"), help="what else is set")
    parser.add_argument("--out", type=Path, default=Path("runs/eight_bits"), help="folder of the trainings")
    parser.add_argument("--input_size", type=int, default=128, help="side of the input, pixels")
    parser.add_argument("--steps", type=int, default=300, help="optimiser steps of each training")
    parser.add_argument("--photographs", type=int, default=500, help="of val2017 that AP is measured on")
    parser.add_argument("--ranges", default="min_max", help="of int8 activations: min_max, moving_average or best")
    given = parser.parse_args()
    losses: dict[str, list[float]] = {arm: [] for arm in ARMS}
    eights: dict[str, list[float]] = {arm: [] for arm in ARMS}
    print(f"{'checkpoint':<12}{'arm':<12}{'float32':>9}{'int8':>9}{'points lost':>13}")
    for number, weights in enumerate(given.weights):
        for arm, eight_bits in ARMS.items():
            checkpoint = weights if eight_bits is None else learnt_on(given, weights, number, eight_bits)
            float32, int8 = exported_aps(given, checkpoint, f"{number}_{arm}")
            losses[arm].append(100 * (float32 - int8))
            eights[arm].append(int8)
            print(f"{number:<12}{arm:<12}{float32:>9.4f}{int8:>9.4f}{losses[arm][-1]:>13.2f}", flush=True)
    print(f"\n{processor()}, {torch.get_num_threads()} threads; {given.steps} steps at {given.input_size} pixels")
    print(f"{'arm':<12}{'points lost':>13}{'std':>7}{'int8':>9}{'std':>8}{'ratio':>7}")
    for arm in ARMS:
        spreads = [stdev(of[arm]) if len(given.weights) > 1 else float("nan") for of in (losses, eights)]
        ratio = mean(eights[arm]) / max(mean(eights["without"]), 1e-9)
        print(
            f"{arm:<12}{mean(losses[arm]):>13.2f}{spreads[0]:>7.2f}{mean(eights[arm]):>9.4f}{spreads[1]:>8.4f}{ratio:>7.3f}"
        )


if __name__ == "__main__":
    main()
