"""AP on photographs against milliseconds from photograph to persons, on one thread: exported students beside MultiPose.

    python benchmarks/people.py STUDENT.tflite ... --root SET --multipose movenet-multipose.onnx \\
      [--posenet posenet.tflite] [--lightning movenet-lightning.tflite] [--plot people.png]

The baseline is MoveNet MultiPose at 256; Lightning finds one person in a photograph. Every model sees the same
photographs, in turns; the time is the median of all photographs and turns, with resizing and decoding.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.deployment.tradeoff import draw_tradeoff
from distill.evaluation.coco import evaluate
from distill.evaluation.exported import exported_predictor
from distill.evaluation.predictor import letterboxed, to_photograph
from distill.pose.skeleton import COCO_17
from distill.prediction.model import load_model
from distill.system.choice import Choice
from mobile.runtime import LiteRTModel
from teachers.onnx_network import OnnxNetwork
from teachers.tflite_network import TfliteNetwork

BASELINE = 256
GRAIN = 32
Finder = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"Function from a photograph to persons (P, K, 3) and scores (P,)."


def multipose(network: OnnxNetwork, size: int) -> Finder:
    """MultiPose by its own decoder, the photograph's long side at a size."""

    def find(photograph: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = photograph.shape[:2]
        scale = size / max(height, width)
        shown = cv2.resize(photograph, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        padded = np.zeros((*(-(-side // GRAIN) * GRAIN for side in shown.shape[:2]), 3), np.int32)
        padded[: shown.shape[0], : shown.shape[1]] = shown
        found = network(padded[None])[0][0]
        joints = found[:, :51].reshape(-1, 17, 3)
        places = joints[..., 1::-1] * padded.shape[1::-1] / scale
        return np.concatenate([places, joints[..., 2:]], axis=-1), found[:, 55] * joints[..., 2].mean(1)

    return find


def posenet(path: Path) -> Finder:
    """A PoseNet .tflite with the decoder of the teacher of that name."""
    model = load_model(Choice("posenet", {"weights": path}), confidence=0.0)
    return lambda photograph: model.find([photograph])[0]


def lightning(path: Path) -> Finder:
    """MoveNet Lightning on the whole photograph: it finds one person."""
    network = TfliteNetwork(path)
    side = network.input_shape[1]

    def find(photograph: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        image, matrix = letterboxed(photograph, (side, side))
        (found,) = network(image[None].astype(np.uint8)).values()
        joints = found.reshape(17, 3)
        person = np.column_stack([joints[:, 1::-1] * side, joints[:, 2]])[None].astype(np.float32)
        return to_photograph(person, matrix), person[..., 2].mean(axis=1)

    return find


def student(path: Path) -> Finder:
    """An exported student with the grouping that its JSON names."""
    predictor = exported_predictor(LiteRTModel(path, num_threads=1))
    return lambda photograph: predictor([photograph])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("students", type=Path, nargs="+")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="val2017")
    parser.add_argument("--multipose", type=Path, required=True)
    parser.add_argument("--posenet", type=Path)
    parser.add_argument("--lightning", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[192, 256, 320, 384, 512])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    data = KeypointSet(DataSource(options.root, options.split), COCO_17)
    network = OnnxNetwork(options.multipose, torch.device("cpu"))
    sizes = sorted({BASELINE, *options.sizes})
    finders = {f"multipose_{size}": multipose(network, size) for size in sizes}
    finders |= {path.stem: student(path) for path in options.students}
    finders |= {} if options.posenet is None else {"posenet": posenet(options.posenet)}
    finders |= {} if options.lightning is None else {"lightning": lightning(options.lightning)}
    times, found = {name: [] for name in finders}, {name: {} for name in finders}
    for _ in range(options.turns):
        for image_id in data.image_ids.tolist():
            photograph = data.photograph(image_id)
            for name, find in finders.items():
                started = time.perf_counter()
                found[name][image_id] = find(photograph)
                times[name].append(1000 * (time.perf_counter() - started))
    rows = [
        {"model": name, "threads": 1, "p50_ms": statistics.median(times[name]), "ap": evaluate(found[name], data)["ap"]}
        for name in finders
    ]
    baseline = next(row for row in rows if row["model"] == f"multipose_{BASELINE}")
    print(f"{platform.processor() or platform.machine()}, one thread, {len(data.image_ids)} photographs")
    print(f"{'model':24} {'AP':>6} {'ms':>8} {'AP ratio':>9} {'ms ratio':>9}")
    for row in rows:
        ratios = f"{row['ap'] / baseline['ap']:9.2f} {row['p50_ms'] / baseline['p50_ms']:9.2f}"
        print(f"{row['model']:24} {row['ap']:6.3f} {row['p50_ms']:8.1f} {ratios}")
    if options.plot:
        draw_tradeoff(options.plot, rows)


if __name__ == "__main__":
    main()
