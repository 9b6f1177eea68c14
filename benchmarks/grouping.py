"""Milliseconds an image of the grouping, by map size, persons and tags a cell, on one core.

    python benchmarks/grouping.py [--repeats 20] [--sizes 32 64 160 256] [--persons 1 3 10]

The baseline of the ratio is the grouping without refinement followed by a plain refinement: a loop over
persons and joints, each looking at the whole map, as the published code does it.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import product

import cv2
import numpy as np
import torch

from distill.pose.grouping import GroupingConfig, group
from distill.pose.skeleton import COCO_17

REFINED = GroupingConfig(subcell=False)
UNREFINED = GroupingConfig(subcell=False, refine=False)
MISSING = 0.3
NOISE = 0.02
SIGMA = 2.0


def scene(side: int, persons: int, tags_a_cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy heatmaps (K, S, S) and tags (K, S, S, T) of persons who lack some joints."""
    generator = np.random.default_rng(0)
    shape = (len(COCO_17), side, side)
    heatmaps = np.abs(generator.normal(0, NOISE, shape)).astype(np.float32)
    tags = generator.normal(0, 0.3, (*shape, tags_a_cell)).astype(np.float32)
    cells = np.arange(side) + 0.5
    for person in range(persons):
        joints = generator.uniform(0.2, 0.8, 2) * side + generator.normal(0, 0.12 * side, (len(COCO_17), 2))
        for joint, (x, y) in enumerate(np.clip(joints, 1, side - 1)):
            if generator.random() < MISSING:
                continue
            peak = np.exp(-((cells - x) ** 2 + (cells[:, None] - y) ** 2) / (2 * SIGMA**2))
            tags[joint][peak > heatmaps[joint]] = 2.0 * person
            heatmaps[joint] = np.maximum(heatmaps[joint], peak)
    return heatmaps, tags


def baseline(heatmaps: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3), refined joint by joint."""
    persons, _ = group(heatmaps, tags, COCO_17, UNREFINED)
    for person in persons:
        found = np.flatnonzero(person[:, 2])
        x, y = person[found, :2].astype(int).T
        tag = tags[found, y, x].mean(axis=0)
        for joint in range(len(heatmaps)):
            distance = np.sqrt(((tags[joint] - tag) ** 2).sum(axis=-1))
            y, x = np.unravel_index((heatmaps[joint] - np.round(distance)).argmax(), distance.shape)
            if person[joint, 2] == 0 and heatmaps[joint, y, x] > 0:
                person[joint] = refined_joint(heatmaps[joint], x, y)
    return persons


def refined_joint(heatmap: np.ndarray, x: int, y: int) -> tuple[float, float, float]:
    """x, y, a quarter cell towards the higher neighbours, and value."""
    height, width = heatmap.shape
    right = heatmap[y, min(x + 1, width - 1)] > heatmap[y, max(x - 1, 0)]
    below = heatmap[min(y + 1, height - 1), x] > heatmap[max(y - 1, 0), x]
    return x + (0.75 if right else 0.25), y + (0.75 if below else 0.25), heatmap[y, x]


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """Median of one call."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return 1000 * statistics.median(seconds)


def main() -> None:
    """Print one line for each map size, number of persons and number of tags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="calls of each, the median counts (default 20)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 160, 256], help="sides of the maps, cells")
    parser.add_argument("--persons", type=int, nargs="+", default=[1, 3, 10], help="persons in a scene")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print("     map  persons  tags  ms/image  unrefined  baseline  ratio")
    for side, persons, tags_a_cell in product(arguments.sizes, arguments.persons, (1, 2)):
        maps = scene(side, persons, tags_a_cell)
        np.testing.assert_allclose(group(*maps, COCO_17, REFINED)[0], baseline(*maps), atol=1e-3)
        whole = milliseconds(lambda maps=maps: group(*maps, COCO_17, REFINED), arguments.repeats)
        unrefined = milliseconds(lambda maps=maps: group(*maps, COCO_17, UNREFINED), arguments.repeats)
        plain = milliseconds(lambda maps=maps: baseline(*maps), max(1, arguments.repeats // 5))
        print(
            f"{side:4d}x{side:<4d}{persons:7d}{tags_a_cell:6d}{whole:10.2f}{unrefined:11.2f}{plain:10.2f}"
            f"{plain / whole:7.1f}"
        )


if __name__ == "__main__":
    main()
