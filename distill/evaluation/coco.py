"""COCO keypoint figures: object keypoint similarity, average precision and recall."""

import contextlib
import io
import json
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from distill.data.annotations import Annotations
from distill.data.keypoint_set import KeypointSet
from distill.system.errors import InputError
from distill.system.files import write_atomically

FIGURES = ("ap", "ap50", "ap75", "ap_medium", "ap_large", "ar", "ar50", "ar75", "ar_medium", "ar_large")
"Names of pycocotools' ten keypoint figures, in its order."

Predictions = dict[int, tuple[np.ndarray, np.ndarray]]
"By image id: persons (P, K, 3) x, y, score in continuous photograph pixels, and their scores (P,)."


def evaluate(
    predictions: Predictions,
    data: KeypointSet,
    image_ids: Iterable[int] | None = None,
    annotations: Annotations | None = None,
) -> dict[str, float | None]:
    """COCO's ten keypoint figures (see `FIGURES`), 0..1, None where there is no person of that size to find.

    Figures by object keypoint similarity (OKS) as pycocotools computes them: at most 20 persons an image,
    medium persons have areas of 32^2 to 96^2 pixels in the annotations, large ones more.

    Args:
        predictions: an image without an entry counts as one in which nobody was found.
        data: the annotated persons; its skeleton gives the OKS sigmas.
        image_ids: images to count, as far as somebody annotated them; by default all of the split.
        annotations: what counts as annotated instead of `data.annotations`, of the same images.

    Raises:
        InputError: an image id is not in the split.
    """
    return _figures(matched(predictions, data, image_ids, annotations))


def bootstrap_ap(
    predictions: Predictions,
    data: KeypointSet,
    image_ids: Iterable[int] | None = None,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95 % interval of AP if other photographs of the same kind had been at hand; see `resampled_ap`."""
    return interval_of(resampled_ap(predictions, data, image_ids, samples=samples, seed=seed))


def resampled_ap(
    predictions: Predictions,
    data: KeypointSet,
    image_ids: Iterable[int] | None = None,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """(samples,) AP on the photographs drawn again with replacement; nan where a draw shows nobody to find.

    Efron, Bootstrap Methods, Annals of Statistics 1979. With one seed the draws are the same whoever predicted, so
    that differences and means of models may be taken draw by draw. Arguments and errors are those of `evaluate`.

    Args:
        samples: how often the photographs are drawn.
        seed: of the drawing.
    """
    evaluator = matched(predictions, data, image_ids)
    count = len(evaluator.params.imgIds)
    by_size = np.array(evaluator.evalImgs, dtype=object).reshape(-1, count)
    evaluator.params.imgIds = evaluator._paramsEval.imgIds = list(range(count))
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(samples):
        evaluator.evalImgs = by_size[:, rng.integers(count, size=count)].ravel().tolist()
        ap = _figures(evaluator)["ap"]
        values.append(np.nan if ap is None else ap)
    return np.array(values)


def interval_of(values: np.ndarray) -> tuple[float, float]:
    """The 95 % interval: from the 2.5th to the 97.5th percentile of values (N,), nan left out."""
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def precisions(
    predictions: Predictions, data: KeypointSet, image_ids: Iterable[int] | None = None
) -> dict[float, np.ndarray]:
    """By OKS from 0.5 to 0.95, COCO's ten: precision (101,) at recalls 0, 0.01, ... 1; arguments of `evaluate`."""
    evaluator = matched(predictions, data, image_ids)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.accumulate()
    curves = evaluator.eval["precision"][:, :, 0, 0, -1].clip(min=0)
    return {round(float(oks), 2): curve for oks, curve in zip(evaluator.params.iouThrs, curves, strict=True)}


def to_results(predictions: Predictions, category: int) -> list[dict]:
    """Predictions as a list in COCO's results format: keypoints are pixel indices, missing joints zero.

    Args:
        category: id of a person in the annotations that the results belong to, as `KeypointSet.category` has it.
    """
    return [
        {
            "image_id": int(image_id),
            "category_id": category,
            "keypoints": _to_pixel_indices(person).ravel().tolist(),
            "score": float(score),
        }
        for image_id, (persons, scores) in sorted(predictions.items())
        for person, score in zip(np.asarray(persons), np.asarray(scores), strict=True)
    ]


def write_results(path: Path, predictions: Predictions, category: int):
    """Write predictions in COCO's results format, as its evaluation server takes them; see `to_results`."""
    write_atomically(path, json.dumps(to_results(predictions, category)))


def matched(
    predictions: Predictions,
    data: KeypointSet,
    image_ids: Iterable[int] | None = None,
    annotations: Annotations | None = None,
) -> COCOeval:
    """pycocotools' evaluator with the persons of every image matched to the annotated ones; arguments of `evaluate`.

    Predictions are numbered from 1 in the order of `to_results`, annotated persons in the order of the annotations.
    """
    listed = set(data.image_ids.tolist())
    counted = listed if image_ids is None else {int(i) for i in image_ids}
    if unknown := (counted | predictions.keys()) - listed:
        raise InputError(f"image id {min(unknown)} is not in {data.annotation_file}")
    counted = {image_id for image_id in counted if data.is_annotated(image_id)}
    results = to_results({i: predictions[i] for i in predictions.keys() & counted}, data.category)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(
            _coco(_annotated(annotations or data.annotations, counted), counted, data.category),
            _coco(_with_area(results), counted, data.category),
            "keypoints",
        )
        evaluator.params.kpt_oks_sigmas = np.array(data.skeleton.sigmas)
        evaluator.evaluate()
    return evaluator


def _figures(evaluator: COCOeval) -> dict[str, float | None]:
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.accumulate()
        evaluator.summarize()
    return {name: float(v) if v >= 0 else None for name, v in zip(FIGURES, evaluator.stats, strict=True)}


def _to_pixel_indices(person: np.ndarray) -> np.ndarray:
    """Joints (K, 3) in COCO's coordinates, to a thousandth of a pixel; those without a score are zero."""
    shifted = person.astype(np.float64) - (0.5, 0.5, 0)
    return np.round(shifted * (person[:, 2:] > 0), 3)


def _annotated(annotations: Annotations, image_ids: Collection[int]) -> list[dict]:
    """Annotations of the images with all the fields that pycocotools reads."""
    those = np.flatnonzero(np.isin(annotations.image_ids, list(image_ids)))
    return [
        {
            "image_id": int(annotations.image_ids[number]),
            "keypoints": _to_pixel_indices(annotations.keypoints[number]).ravel().tolist(),
            "num_keypoints": int((annotations.keypoints[number, :, 2] > 0).sum()),
            "iscrowd": int(annotations.is_crowd[number]),
            "bbox": annotations.boxes[number].tolist(),
            "area": float(annotations.areas[number]),
        }
        for number in those.tolist()
    ]


def _with_area(results: list[dict]) -> list[dict]:
    """Results with the area, pixels, that COCO's tools give them: that of the box around all joints."""
    points = [np.reshape(result["keypoints"], (-1, 3))[:, :2] for result in results]
    return [result | {"area": float(np.prod(np.ptp(p, axis=0)))} for result, p in zip(results, points, strict=True)]


def _coco(persons: list[dict], image_ids: Collection[int], category: int) -> COCO:
    """Annotations or results in memory, numbered from 1: pycocotools takes the number 0 for no match."""
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in sorted(image_ids)],
        "categories": [{"id": category}],
        "annotations": [p | {"id": number, "category_id": category} for number, p in enumerate(persons, start=1)],
    }
    coco.createIndex()
    return coco
