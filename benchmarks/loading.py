"""Training samples a second of one core, by part, against the way in which every map is warped by itself.

    python benchmarks/loading.py --root SET --size 256 --epochs 4

The baseline does as the original project did, whose 400 GB were 17 float32 maps of 224 x 224 for each photograph of
COCO: the soft maps are read from a file, the hard ones are drawn, and each of the 34 is warped by itself with Pillow,
as is the photograph. Soft labels are made up, as many peaks a photograph as COCO has, in a real store. Parts are
measured one by one; `whole` is what a loader worker does for a sample, its share of a batch of 16 included.

Then photographs are read from files that the system's cache does not hold, their own and a pack, by the clock; with
--model its AP on the split is printed with both.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from label_store import made_up_peaks
from PIL import Image
from precision import processor

from cache.store import SoftLabelStore
from distill.data.augment import AugmentConfig, apply_colours, sample_colours, sample_geometry
from distill.data.keypoint_set import KeypointSet
from distill.data.loader import collate
from distill.data.packing import PackedPhotographs, Packing, pack
from distill.data.source import DataSource
from distill.data.teacher_peaks import read_peaks
from distill.data.training_samples import TrainingSamples
from distill.evaluation.coco import evaluate
from distill.evaluation.models import load_model
from distill.labelling.teacher_pass import create_store
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17

BATCH, MAP_SIZE, SIGMA = 16, 224, 4.0
AUGMENT = AugmentConfig()


def fill_store(folder: Path, data: KeypointSet) -> SoftLabelStore:
    """A complete store with made-up peaks and empty maps."""
    store = create_store(folder, data, {}, GroupingConfig(), map_size=32, shard_length=128, noise_floor=0.02)
    for shard in range(store.num_shards):
        ids = store.shard_image_ids(shard)
        peaks = made_up_peaks(len(ids), 500, shard)
        nobody = [np.zeros((0, 17, 3), np.float32)] * len(ids), [np.zeros(0, np.float32)] * len(ids)
        store.write_shard(shard, np.zeros((len(ids), 17, 32, 32), np.float32), *nobody, [p.astype("f4") for p in peaks])
    return store


def map_by_map(
    data: KeypointSet, image_id: int, soft: Path, rng: np.random.Generator, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Input (size, size, 3) and targets (34, MAP_SIZE, MAP_SIZE), each warped by itself."""
    matrix = sample_geometry(rng, data.size(image_id), (size, size), AUGMENT)
    onto_maps = geometry.letterbox(data.size(image_id), (MAP_SIZE, MAP_SIZE))
    hard = np.zeros((len(COCO_17), MAP_SIZE, MAP_SIZE), np.float32)
    cells = np.arange(MAP_SIZE) + 0.5
    for person in data.keypoints(image_id):
        places = geometry.transform(onto_maps, person[:, :2])
        for joint in np.flatnonzero(person[:, 2]).tolist():
            across, down = (np.exp(-((cells - at) ** 2) / (2 * SIGMA**2)) for at in places[joint])
            hard[joint] = np.maximum(hard[joint], down[:, None] * across)
    on_maps = geometry.compose(geometry.invert(onto_maps), matrix, geometry.scaling(MAP_SIZE / size))
    image = warped(data.photograph(image_id), matrix, size)
    maps = [warped(each, on_maps, MAP_SIZE) for each in (*hard, *np.load(soft))]
    return apply_colours(image, sample_colours(rng, AUGMENT)), np.stack(maps)


def warped(picture: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """A picture (H, W) or (H, W, 3) warped by Pillow, which asks for the way back."""
    back = tuple(geometry.invert(matrix).ravel())
    transformed = Image.fromarray(picture).transform(
        (size, size), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR
    )
    return np.asarray(transformed)


def milliseconds(call: Callable[[int], object], ids: list[int], epochs: int) -> float:
    """Processor time of a call for an image."""
    for image_id in ids[:BATCH]:
        call(image_id)
    started = time.process_time()
    for _ in range(epochs):
        for image_id in ids:
            call(image_id)
    return 1000 * (time.process_time() - started) / (epochs * len(ids))


def pack_of(data: KeypointSet, path: Path) -> PackedPhotographs:
    """The photographs of a set, packed."""
    pack(data, path, Packing())
    return PackedPhotographs(path, data)


def cold_rate(read: Callable[[int], object], ids: list[int], files: list[Path]) -> float:
    """Photographs a second, in random order, from files that are not in the system's cache."""
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    for image_id in np.random.default_rng(0).permutation(ids).tolist():
        read(image_id)
    return len(ids) / (time.perf_counter() - started)


def average_precisions(checkpoint: Path, data: KeypointSet, packed: PackedPhotographs) -> list[float]:
    """AP of a model that is shown the photographs, and what the pack holds of them."""
    predictor, found = load_model(checkpoint).predictor(), []
    for read in (data.photograph, packed):
        predictions = {}
        for image_id in data.image_ids.tolist():
            pixels, size = read(image_id), data.size(image_id)
            persons, scores = predictor([pixels])[0]
            stretch = (size[0] / pixels.shape[1], size[1] / pixels.shape[0], 1)
            predictions[image_id] = persons * np.float32(stretch), scores
        found.append(evaluate(predictions, data)["ap"])
    return found


def main():
    """Print milliseconds by part, samples a second and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="set in COCO's layout")
    parser.add_argument("--split", default="train2017", help="of the set")
    parser.add_argument("--model", type=Path, help="checkpoint that is evaluated on the split")
    parser.add_argument("--size", type=int, default=256, help="side of the input, pixels")
    parser.add_argument("--epochs", type=int, default=4, help="how often each photograph is read")
    given = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    data = KeypointSet(DataSource(given.root, given.split), COCO_17)
    ids, size = data.image_ids.tolist(), (given.size, given.size)
    with tempfile.TemporaryDirectory() as folder:
        store = fill_store(Path(folder) / "labels.zarr", data)
        samples = TrainingSamples(data, size, AUGMENT, 0, partial(read_peaks, store))
        soft = Path(folder) / "soft.npy"
        np.save(soft, np.random.default_rng(0).random((len(COCO_17), MAP_SIZE, MAP_SIZE), dtype=np.float32))
        epoch, batch = iter(range(10**9)), []

        def whole(image_id: int):
            batch.append(samples[next(epoch), image_id])
            if len(batch) == BATCH:
                collate(batch)
                batch.clear()

        rng = np.random.default_rng(0)
        parts = {
            "photograph, whole": data.photograph,
            "photograph, reduced by 2": lambda i: data.photograph(i, 2),
            "masks, whole": data.masks,
            "masks, reduced by 4": lambda i: data.masks(i, 4),
            "peaks": lambda i: read_peaks(store, i),
            "whole": whole,
            "map by map": lambda i: map_by_map(data, i, soft, rng, given.size),
        }
        print(f"{processor()}; one core, {len(ids)} photographs, inputs of {given.size} pixels")
        taken = {name: milliseconds(part, ids, given.epochs) for name, part in parts.items()}
        for name, value in taken.items():
            print(f"{name:28s}{value:8.2f} ms {1000 / value:10.0f} a second")
        packed = pack_of(data, Path(folder) / "pack.zip")
        files = [data.path(i) for i in ids]
        ways = {"own files": (files, data.photograph), "pack": ([packed.path], packed)}
        for name, (stored, read) in ways.items():
            rate, size = cold_rate(read, ids, stored), sum(path.stat().st_size for path in stored)
            print(f"{name:28s}{size / len(ids) / 1000:8.1f} kB {rate:10.0f} a second, not cached")
        if given.model:
            print(
                "AP with own files {:.4f}, with the pack {:.4f}".format(*average_precisions(given.model, data, packed))
            )
        print(f"ratio of samples a second to map by map: {taken['map by map'] / taken['whole']:.1f}")


if __name__ == "__main__":
    main()
