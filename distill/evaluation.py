"""COCO keypoint AP."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from distill.skeleton import Skeleton

FIGURES = ("ap", "ap50", "ap75", "ap_medium", "ap_large", "ar", "ar50", "ar75", "ar_medium", "ar_large")
"Names of pycocotools' ten keypoint figures, in its order."

Predictions = dict[int, tuple[np.ndarray, np.ndarray]]
"By image id: persons (P, K, 3) x, y, score in continuous photograph pixels, and their scores (P,)."


def evaluate(
    predictions: Predictions,
    annotation_file: Path,
    skeleton: Skeleton,
    image_ids: np.ndarray | None = None,
) -> dict[str, float | None]:
    """OKS figures 0..1 by pycocotools, None where there is no person of that kind to find.

    Args:
        predictions: images without an entry count as having no person found.
        annotation_file: COCO keypoint annotations.
        skeleton: gives the OKS sigmas.
        image_ids: (N,) images to count; all of the file by default.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotation_file))
        results = to_results(predictions)
        if not results:
            found = COCO()
            found.dataset = {"images": truth.dataset["images"], "annotations": []}
            found.createIndex()
        else:
            found = truth.loadRes(results)
        evaluator = COCOeval(truth, found, "keypoints")
        evaluator.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        if image_ids is not None:
            evaluator.params.imgIds = [int(i) for i in image_ids]
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return {name: float(v) if v >= 0 else None for name, v in zip(FIGURES, evaluator.stats, strict=True)}


def to_results(predictions: Predictions) -> list[dict]:
    """Predictions in COCO's results format: keypoints are pixel indices again."""
    results = []
    for image_id, (persons, scores) in predictions.items():
        points = np.asarray(persons, dtype=np.float64).copy()
        points[..., :2] -= 0.5
        for person, score in zip(points, scores, strict=True):
            results.append(
                {
                    "image_id": int(image_id),
                    "category_id": 1,
                    "keypoints": [round(value, 3) for value in person.ravel().tolist()],
                    "score": float(score),
                }
            )
    return results


def write_results(path: Path, predictions: Predictions):
    """Write predictions as a COCO results file."""
    path.write_text(json.dumps(to_results(predictions)))
