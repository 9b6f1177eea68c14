"""AP of a model by how photographs are made as small as its input.

    python benchmarks/downscaling.py students/weights/people_l.safetensors --root SET --split val2017

The baseline is what evaluation, export and app do: each pixel of the input is taken bilinearly from the photograph. The
others average the photograph first, by a half, quarter or eighth that leaves no fewer pixels than the input needs, or
to exactly the input's size.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.photographs import REDUCTIONS
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.evaluation.models import load_model
from distill.pose import geometry


def whole(photograph: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The photograph as it is."""
    return photograph


def reduced(photograph: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The photograph, a part of its size that is no smaller than an input of (width, height) needs."""
    scale = geometry.scale_of(geometry.letterbox(photograph.shape[1::-1], size))
    return np.asarray(Image.fromarray(photograph).reduce(max(r for r in REDUCTIONS if r <= max(1 / scale, 1))))


def antialiased(photograph: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The photograph as large as it is in an input of (width, height)."""
    scale = geometry.scale_of(geometry.letterbox(photograph.shape[1::-1], size))
    smaller = tuple(round(side * scale) for side in photograph.shape[1::-1])
    return np.asarray(Image.fromarray(photograph).resize(smaller, Image.Resampling.BILINEAR))


def average_precision(model, data: KeypointSet, smaller: Callable) -> float:
    """AP of a model that is shown photographs that were made smaller."""
    predictor, predictions = model.predictor(), {}
    for image_id in data.image_ids.tolist():
        pixels, size = smaller(data.photograph(image_id), model.input_size), data.size(image_id)
        persons, scores = predictor([pixels])[0]
        stretch = (size[0] / pixels.shape[1], size[1] / pixels.shape[0], 1)
        predictions[image_id] = persons * np.float32(stretch), scores
    return evaluate(predictions, data)["ap"]


def main():
    """Print the AP of each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", help="checkpoints or .tflite")
    parser.add_argument("--root", type=Path, required=True, help="set in COCO's layout")
    parser.add_argument("--split", default="val2017", help="of the set")
    given = parser.parse_args()
    for path in given.models:
        model = load_model(path)
        data = KeypointSet(DataSource(given.root, given.split), model.skeleton)
        ways = {way.__name__: average_precision(model, data, way) for way in (whole, reduced, antialiased)}
        baseline = ways["whole"]
        print(f"{path.stem}, {len(data)} photographs of {given.split}: ", end="")
        print(", ".join(f"{name} {ap:.4f} (ratio {ap / baseline:.2f})" for name, ap in ways.items()), flush=True)


if __name__ == "__main__":
    main()
