"""The way of a photograph through exported models on this host, stage by stage."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import evaluate
from distill.evaluation.exported import exported_predictor
from distill.evaluation.predictor import letterboxed, predict_all
from distill.system.errors import InputError
from mobile import bench, metadata
from mobile.runtime import LiteRTModel, interpreter, stored_images, to_stored

PHOTOGRAPHS_A_TURN = 8
_CHANNELS = (1, 3, 4)
"Channels that a photograph may have; the fourth is alpha."


class Stages:
    """Times of what happens before and after a model, in milliseconds a photograph.

    Of a model without a JSON, which is not ours, only the way in is known.

    Args:
        path: the model.
        photographs: (H, W, 3) uint8 RGB.
    """

    def __init__(self, path: Path, photographs: Sequence[np.ndarray]):
        self.photographs = photographs
        self.preprocess: list[float] = []
        self.decode: list[float] = []
        self._number = 0
        own = metadata.is_described(path)
        model = LiteRTModel(path) if own else None
        self._input = (interpreter(path.read_bytes(), 1, path)).get_input_details()[0]
        self._channels_first = _channels_first(path, self._input)
        self._predictors = [] if model is None else [_decoder(model, self._letterbox(p)) for p in photographs]

    def step(self):
        """Time some photographs."""
        for _ in range(PHOTOGRAPHS_A_TURN):
            number = self._number % len(self.photographs)
            self._number += 1
            start = time.perf_counter()
            image = self._letterbox(self.photographs[number])
            if self._channels_first:
                to_stored(image.transpose(2, 0, 1)[None], self._input)
            else:
                stored_images(image[None], self._input)
            self.preprocess.append(1000 * (time.perf_counter() - start))
            if self._predictors:
                start = time.perf_counter()
                self._predictors[number].locate(image[None])
                self.decode.append(1000 * (time.perf_counter() - start))

    def values(self) -> dict[str, float | None]:
        """Medians, ready for JSON; None for what is not known."""
        return {
            "preprocess_ms": statistics.median(self.preprocess),
            "decode_ms": statistics.median(self.decode) if self.decode else None,
        }

    def _letterbox(self, photograph: np.ndarray) -> np.ndarray:
        sides = self._input["shape"][2:] if self._channels_first else self._input["shape"][1:3]
        height, width = (int(n) for n in sides)
        return letterboxed(photograph, (width, height))[0]


def _channels_first(path: Path, detail: dict) -> bool:
    """Whether a photograph goes in as (1, 3, H, W) and not as (1, H, W, 3).

    Raises:
        InputError: neither, or its size is open.
    """
    shape = detail["shape"].tolist()
    signature = np.asarray(detail.get("shape_signature", shape)).tolist()
    if -1 in signature[1:]:
        raise InputError(f"model {path} takes an input of open size {signature}; export it with a fixed one to time it")
    if len(shape) == 4 and shape[3] in _CHANNELS:
        return False
    if len(shape) == 4 and shape[1] in _CHANNELS:
        return True
    raise InputError(f"model {path} takes an input of shape {shape}, not a photograph")


def _decoder(model: LiteRTModel, image: np.ndarray) -> Any:
    """A predictor whose model has already run, so that only the decoding is left."""
    predictor = exported_predictor(model)
    outputs = predictor.forward(image[None])
    predictor.forward = lambda images: outputs
    return predictor


def average_precision(model: LiteRTModel, data: KeypointSet, limit: int | None = None, batch_size: int = 32) -> float:
    """COCO keypoint AP, 0..1, of an exported model on the photographs of lowest id.

    Raises:
        InputError: nobody on them is labelled, or the set is of another skeleton.
    """
    ids = data.image_ids[:limit].tolist()
    data.require_labelled(ids)
    predictor = exported_predictor(model)
    return evaluate(predict_all(predictor, data, ids, batch_size), data, ids)["ap"]


def measure(
    paths: Sequence[Path],
    photographs: Sequence[np.ndarray],
    threads: Sequence[int],
    runs: int,
    turns: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict]:
    """Time models and what is around them, in turns; for each model a dict for each number of threads.

    Raises:
        InputError, ExportError: a model cannot be read or does not take photographs.
    """
    stages = {path: Stages(path, photographs) for path in paths}

    def between():
        for stage in stages.values():
            stage.step()

    timings = bench.measure(paths, threads, runs, turns, between, progress)
    return [timing.values() | stages[timing.path].values() for timing in timings]
