"""Milliseconds an image of the grouping, by map size, persons and tags a cell, on one core.

    python benchmarks/grouping.py [--repeats 20] [--sizes 160x160 640x848] [--persons 2 8 20]

The baseline does what the published code does: peaks by a max-pooling of all maps and the 30 best cells of each, loops
over persons and joints that adjust each joint, and for each missing joint a look at the whole map. The assignment
between is ours, which is the smaller part. Both find the same persons.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import product

import numpy as np
import torch

from distill.pose.grouping import GroupingConfig, group
from distill.pose.skeleton import COCO_17

REFINED = GroupingConfig(subcell=False)
UNREFINED = GroupingConfig(subcell=False, adjust=False, refine=False)
MISSING = 0.3
NOISE = 0.02
SIGMA = 2.0


def scene(height: int, width: int, persons: int, tags_a_cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy heatmaps (K, H, W) and tags (K, H, W, T) of persons who lack some joints."""
    generator = np.random.default_rng(0)
    shape = (len(COCO_17), height, width)
    heatmaps = np.abs(generator.normal(0, NOISE, shape)).astype(np.float32)
    tags = generator.normal(0, 0.3, (*shape, tags_a_cell)).astype(np.float32)
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    for person in range(persons):
        middle = generator.uniform(0.2, 0.8, 2) * (width, height)
        joints = middle + generator.normal(0, 0.12 * min(height, width), (len(COCO_17), 2))
        for joint, (x, y) in enumerate(np.clip(joints, 1, (width - 1, height - 1))):
            if generator.random() < MISSING:
                continue
            peak = np.exp(-((columns - x) ** 2 + (rows[:, None] - y) ** 2) / (2 * SIGMA**2))
            tags[joint][peak > heatmaps[joint]] = 2.0 * person
            heatmaps[joint] = np.maximum(heatmaps[joint], peak)
    return heatmaps, tags


def baseline(heatmaps: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3), joint by joint."""
    best_cells(heatmaps, tags)
    persons, _ = group(heatmaps, tags, COCO_17, UNREFINED)
    for person in persons:
        for joint in np.flatnonzero(person[:, 2]).tolist():
            x, y = person[joint, :2].astype(int)
            person[joint] = adjusted(heatmaps[joint], x, y)
        found = np.flatnonzero(person[:, 2])
        x, y = person[found, :2].astype(int).T
        tag = tags[found, y, x].mean(axis=0)
        for joint in range(len(heatmaps)):
            distance = np.sqrt(((tags[joint] - tag) ** 2).sum(axis=-1))
            y, x = np.unravel_index((heatmaps[joint] - np.round(distance)).argmax(), distance.shape)
            if person[joint, 2] == 0 and heatmaps[joint, y, x] > 0:
                person[joint] = adjusted(heatmaps[joint], x, y)
    return persons


def best_cells(heatmaps: np.ndarray, tags: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (K, M) and tags (K, M, T) of each map's best cells that are the highest of their window."""
    maps = torch.from_numpy(heatmaps)
    pooled = torch.nn.functional.max_pool2d(maps[None], 5, 1, 2)[0]
    values, cells = (maps * (pooled == maps)).flatten(1).topk(UNREFINED.max_persons, dim=1)
    flat = torch.from_numpy(tags).flatten(1, 2)
    return values, torch.stack([flat[..., t].gather(1, cells) for t in range(flat.shape[-1])], dim=-1)


def adjusted(heatmap: np.ndarray, x: int, y: int) -> tuple[float, float, float]:
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
    parser.add_argument("--sizes", nargs="+", default=["160x160", "640x848"], help="height x width of the maps, cells")
    parser.add_argument("--persons", type=int, nargs="+", default=[2, 8, 20], help="persons in a scene")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("     map  persons  tags  ms/image  unrefined  baseline  ratio")
    for size, persons, tags_a_cell in product(arguments.sizes, arguments.persons, (1, 2)):
        maps = scene(*map(int, size.split("x")), persons, tags_a_cell)
        np.testing.assert_allclose(group(*maps, COCO_17, REFINED)[0], baseline(*maps), atol=1e-3)
        whole = milliseconds(lambda maps=maps: group(*maps, COCO_17, REFINED), arguments.repeats)
        unrefined = milliseconds(lambda maps=maps: group(*maps, COCO_17, UNREFINED), arguments.repeats)
        plain = milliseconds(lambda maps=maps: baseline(*maps), max(1, arguments.repeats // 5))
        print(
            f"{size:>9s}{persons:7d}{tags_a_cell:6d}{whole:10.2f}{unrefined:11.2f}{plain:10.2f}{plain / whole:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
