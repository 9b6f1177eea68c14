"""What a training gains from each choice: one setting changed at a time, at equal steps on equal samples.

    python benchmarks/recipes.py --root SET [--soft_labels STORE] [--arms base focal person_width ...] [--seeds 3]

Each arm is the recipe with some settings of `ARMS` on top. Printed is the AP on SET's val2017 by seed, its mean and
spread, the ratio to the baseline, `base`, and the milliseconds of a step. Finished trainings are kept in the folder
`--out`, so the command can be stopped and started again.
"""

import argparse
import time
from pathlib import Path
from statistics import mean, stdev

import torch
from precision import processor

from distill.commands.cli import load_config
from distill.commands.train import train
from distill.networks.checkpoint import load_network
from distill.training.config import TrainConfig

TEACHER = Path("teachers/weights/higher_hrnet_demo.safetensors")
HEATMAPS = "outputs.heatmaps."
ARMS = {
    "base": {},
    "hard_only": {"loss.alpha": 0.0},
    "soft_only": {"loss.alpha": 1.0},
    "soft_then_hard": {"loss.alpha": 1.0, "loss.alpha_end": 0.0},
    "human": {HEATMAPS + "disagreement": "human"},
    "maximum": {HEATMAPS + "disagreement": "maximum"},
    "confidence": {HEATMAPS + "disagreement": "confidence"},
    "teacher_in_loop": {"loss.alpha": 0.0, "loss.terms": {"teacher": {"weight": 1.0, "weights": str(TEACHER)}}},
    "features": {
        "loss.terms": {
            "features": {
                "weights": str(TEACHER),
                "student_layer": "keypoints",
                "teacher_layer": "deconv_layers.0",
            }
        }
    },
    "cross_entropy": {HEATMAPS + "loss": "cross_entropy"},
    "focal": {HEATMAPS + "loss": "focal"},
    "soft_iou": {HEATMAPS + "loss": "soft_iou"},
    "hardest_8": {HEATMAPS + "hardest": 8},
    "foreground_0": {HEATMAPS + "foreground": 0.0},
    "foreground_20": {HEATMAPS + "foreground": 20.0},
    "sigma_1.5": {HEATMAPS + "sigma": 1.5},
    "person_width": {HEATMAPS + "width": "person"},
    "teacher_width": {HEATMAPS + "width": "teacher"},
    "whole_maps": {"data.whole_maps": True},
    "teacher_outlines": {"data.teacher_outlines": True},
    "gain_2": {HEATMAPS + "soft_gain": 2.0},
    "soft_only_gain_2": {"loss.alpha": 1.0, HEATMAPS + "soft_gain": 2.0},
    "no_gate": {"model.gate": "none"},
    "sigmoid_gate": {"model.gate": "sigmoid"},
    "no_attention": {"outputs.attention": False},
    "large_kernel": {"model.large_kernel": True},
    "shape_160x128": {"input_size": [160, 128]},
    "shape_160": {"input_size": 160},
    "shape_224": {"input_size": 224},
    "hsv": {"model.colours": "hsv"},
    "lab": {"model.colours": "lab"},
    "centre": {"outputs.tags": False, "outputs.centre": {}},
    "offsets": {"outputs.tags": False, "outputs.offsets": {}},
    "plain_colours": {"augment.brightness": 0.0, "augment.contrast": 0.0, "augment.saturation": 0.0},
    "plain_geometry": {
        "augment.rotation": 0.0,
        "augment.scale_min": 1.0,
        "augment.scale_max": 1.0,
        "augment.translation": 0.0,
    },
    "cosine": {"schedule": "{name: cosine, peak: 0.02, floor: 0.00001, warmup: 100}"},
    "one_cycle": {"schedule": "{name: one_cycle, peak: 0.02, start: 0.001}"},
    "stable_decay": {"schedule": "{name: warmup_stable_decay, peak: 0.02, warmup: 100}"},
    "adamw": {"optimizer": "{name: adamw, weight_decay: 0.01}", "schedule.peak": 0.004},
    "sgd": {"optimizer": "{name: sgd, weight_decay: 0.0001}", "schedule.peak": 0.2},
}
"Settings by arm; those of schedules stand where the recipe's own are replaced as a whole."


def trained(given: argparse.Namespace, arm: str, seed: int) -> tuple[float, float]:
    """AP of one training, gone on with or read back where it is there, and milliseconds of a step."""
    out = given.out / f"{arm}_{given.input_size}_{given.steps}_{seed}"
    last, clock = out / "last.safetensors", out / "step_ms.txt"
    if not last.exists() or load_network(last)[1].step < given.steps:
        changed = ARMS[arm]
        settings = {
            "data.root": given.root,
            **({"loss.alpha": 0.0} if given.soft_labels is None else {"data.soft_labels": given.soft_labels}),
            "out": out,
            "input_size": given.input_size,
            "steps": given.steps,
            "seed": seed,
            "resume": "auto",
            **({} if "schedule" in changed else {"schedule.period": given.steps}),
            "log.images_every": 0,
            "log.histograms_every": 0,
            "log.minival_every": 0,
            "log.minival_images": given.photographs,
        }
        started = time.perf_counter()
        train(load_config(TrainConfig, given.recipe, settings | changed))
        clock.write_text(str(1000 * (time.perf_counter() - started) / given.steps))
    return load_network(last)[1].metrics["ap"], float(clock.read_text())


def main():
    """Train, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="set with train2017 and val2017")
    parser.add_argument("--soft_labels", help="store of train2017; hard labels alone without it")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), help="what is compared")
    parser.add_argument("--recipe", type=Path, default=Path("distill/recipes/compare.yaml"), help="what else is set")
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"), help="folder of the trainings")
    parser.add_argument("--input_size", type=int, default=128, help="side of the input, pixels")
    parser.add_argument("--steps", type=int, default=1000, help="optimiser steps of each training")
    parser.add_argument("--photographs", type=int, default=500, help="of val2017 that AP is measured on")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    parser.add_argument("--first_seed", type=int, default=0, help="seed of the first of them")
    given = parser.parse_args()
    arms = ["base", *(arm for arm in given.arms if arm != "base")]
    aps, times = {arm: [] for arm in arms}, {arm: [] for arm in arms}
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        for arm in arms:
            ap, step_ms = trained(given, arm, seed)
            aps[arm].append(ap)
            times[arm].append(step_ms)
            print(f"{arm} seed {seed}: AP {ap:.3f}", flush=True)
    print(f"\n{processor()}, {torch.get_num_threads()} threads; {given.steps} steps at {given.input_size} pixels")
    print(f"{'arm':<18}{'AP by seed':<24}{'mean':>7}{'std':>8}{'ratio':>7}{'step, ms':>10}")
    for arm in sorted(arms, key=lambda arm: -mean(aps[arm])):
        spread = stdev(aps[arm]) if given.seeds > 1 else float("nan")
        seeds = " ".join(f"{value:.3f}" for value in aps[arm])
        ratio = mean(aps[arm]) / max(mean(aps["base"]), 1e-9)
        print(f"{arm:<18}{seeds:<24}{mean(aps[arm]):>7.3f}{spread:>8.3f}{ratio:>7.2f}{mean(times[arm]):>10.0f}")


if __name__ == "__main__":
    main()
