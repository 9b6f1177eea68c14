"""Photographs a second of an evaluation whose steps overlap, against one in which each waits for the one before.

    python benchmarks/evaluation.py MODEL --root SET [--split val2017] [--turns 3]

The baseline decodes a batch, sends it through the network and finds its persons, then the next. Both find the same
persons. Turns alternate; the medians and their ratio are printed.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import Predictions
from distill.evaluation.models import load_model
from distill.evaluation.predictor import Predictor, predict_all

BATCH = 32


def in_turn(predictor: Predictor, data: KeypointSet) -> Predictions:
    """Persons by image id, one step after the other."""
    found, ids = {}, data.image_ids.tolist()
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        found |= dict(zip(part, predictor([data.photograph(i) for i in part]), strict=True))
    return found


def main():
    """Evaluate both ways by turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="checkpoint or .tflite")
    parser.add_argument("--root", type=Path, required=True, help="set in COCO's layout")
    parser.add_argument("--split", default="val2017", help="of the set")
    parser.add_argument("--turns", type=int, default=3, help="how often each way goes over it")
    given = parser.parse_args()
    model = load_model(given.model)
    data = KeypointSet(DataSource(given.root, given.split), model.skeleton)
    predictor = model.predictor()
    ways = {"in turn": in_turn, "overlapping": lambda p, d: predict_all(p, d, batch_size=BATCH)}
    rates, found = {name: [] for name in ways}, {}
    in_turn(predictor, data)
    for _ in range(given.turns):
        for name, way in ways.items():
            started = time.perf_counter()
            found[name] = way(predictor, data)
            rates[name].append(len(data) / (time.perf_counter() - started))
    for image_id, (persons, _) in found["in turn"].items():
        np.testing.assert_array_equal(persons, found["overlapping"][image_id][0])
    baseline, ours = (statistics.median(values) for values in rates.values())
    print(f"in turn {baseline:.1f} photographs a second, overlapping {ours:.1f}, ratio {ours / baseline:.2f}")


if __name__ == "__main__":
    main()
