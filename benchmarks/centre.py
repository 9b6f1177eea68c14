"""Who belongs to whom: grouping by tags against persons from centres, by one network that gives both.

    python benchmarks/centre.py --root SET --recipe distill/recipes/compare.yaml --steps 1500 [--soft_labels STORE]

The baseline is the grouping by tags. Each network learns tags and centres at once, so heatmaps, data and steps are the
same; AP is measured on SET's val2017 by either, and the decoding is timed on the same maps. Finished trainings are kept
in the folder `--out`; `--checkpoints` measures networks of one's own instead.
"""

import argparse
import time
from pathlib import Path
from statistics import mean, median, stdev

import numpy as np
import torch

from distill.commands.cli import load_config
from distill.commands.train import train
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.evaluation.predictor import Predictor, network_forward, predict_all
from distill.heads.centre import Centre
from distill.heads.maps import at_finest
from distill.heads.tags import Tags
from distill.networks.checkpoint import load_network
from distill.pose.grouping import GroupingConfig
from distill.training.config import TrainConfig

WAYS = {"tags": Tags, "centre": Centre}


def trained(given: argparse.Namespace, seed: int) -> Path:
    """Checkpoint of one training, which is gone on with or read back where it is there."""
    out = given.out / f"{given.recipe.stem}_{given.input_size}_{given.steps}_{seed}"
    last = out / "last.safetensors"
    if not last.exists() or load_network(last)[1].step < given.steps:
        settings = {
            "data.root": given.root,
            "out": out,
            "input_size": given.input_size,
            "steps": given.steps,
            "batch_size": 16,
            "schedule.period": given.steps,
            "seed": seed,
            "resume": "auto",
            "outputs.centre": {},
            "loss.alpha": 0.0 if given.soft_labels is None else 0.5,
            "log.images_every": 0,
            "log.histograms_every": 0,
            "log.minival_every": 0,
        }
        if given.soft_labels is not None:
            settings["data.soft_labels"] = given.soft_labels
        train(load_config(TrainConfig, given.recipe, settings))
    return last


def decode_seconds(predictor: Predictor, photographs: list[np.ndarray]) -> float:
    """Median time of finding persons in one photograph's maps, the network aside."""
    taken, heads = [], predictor.heads
    decoder = next(head for head in heads.values() if len(head.decodes) == 2)
    for photograph in photographs:
        image = torch.nn.functional.interpolate(
            torch.from_numpy(photograph)[None].permute(0, 3, 1, 2).float(), predictor.input_size[::-1]
        )
        maps = at_finest(predictor.forward(image.permute(0, 2, 3, 1).byte().numpy()))
        read = {
            name: heads[name].combined(maps[name], None, torch.zeros(0)).cpu().numpy()[0] for name in decoder.decodes
        }
        started = time.perf_counter()
        decoder.persons(read, predictor.skeleton, predictor.grouping)
        taken.append(time.perf_counter() - started)
    return median(taken)


def main():
    """Train, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="set with train2017 and val2017")
    parser.add_argument("--soft_labels", help="store of train2017; hard labels alone without it")
    parser.add_argument("--recipe", type=Path, default=Path("distill/recipes/compare.yaml"), help="what else is set")
    parser.add_argument("--out", type=Path, default=Path("runs/centre"), help="folder of the trainings")
    parser.add_argument("--input_size", type=int, default=128, help="side of the input, pixels")
    parser.add_argument("--steps", type=int, default=1500, help="optimiser steps of each training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings")
    parser.add_argument("--checkpoints", type=Path, nargs="+", help="networks with both, instead of training")
    given = parser.parse_args()
    aps, times = {way: [] for way in WAYS}, {way: [] for way in WAYS}
    for seed, path in enumerate(given.checkpoints or (trained(given, seed) for seed in range(given.seeds))):
        network, info = load_network(path)
        data = KeypointSet(DataSource(given.root, "val2017"), info.skeleton)
        photographs = [data.photograph(image_id) for image_id in data.image_ids[:40].tolist()]
        for way in WAYS:
            heads = {name: head for name, head in info.heads.items() if name in ("heatmaps", way)}
            forward = network_forward(network, torch.device("cpu"))
            predictor = Predictor(forward, info.input_size, info.skeleton, GroupingConfig(), heads=heads)
            aps[way].append(evaluate(predict_all(predictor, data), data)["ap"])
            times[way].append(decode_seconds(predictor, photographs))
            print(f"{way}, seed {seed}: AP {aps[way][-1]:.3f}", flush=True)
    base = mean(aps["tags"])
    print(f"\n{'way':<8}{'AP by seed':<24}{'mean':>7}{'std':>8}{'ratio':>7}{'decoding, ms':>14}")
    for way, values in aps.items():
        spread = stdev(values) if len(values) > 1 else float("nan")
        seeds = " ".join(f"{value:.3f}" for value in values)
        ratio = mean(values) / max(base, 1e-9)
        print(f"{way:<8}{seeds:<24}{mean(values):>7.3f}{spread:>8.3f}{ratio:>7.2f}{1000 * mean(times[way]):>14.2f}")


if __name__ == "__main__":
    main()
