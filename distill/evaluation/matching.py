"""Which annotated person each found one stands for."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import Predictions, matched

LEAST_OKS = 0.1
"OKS from which a found person may stand for an annotated one (Ronchi and Perona, ICCV 2017)."


@dataclass(frozen=True)
class Match:
    """One found person and whom it stands for."""

    image_id: int
    number: int
    "Place among the persons found in the photograph."
    score: float
    verdict: str
    "matched, background, duplicate, or ignored of one that stands for a crowd or for somebody without joints."
    annotation: int | None = None
    "Row in the annotations of the person whom it stands for, or, of a duplicate, whom a better one stands for."
    oks: float = 0.0
    "Similarity with that person."


def match_persons(
    predictions: Predictions, data: KeypointSet, image_ids: Iterable[int] | None = None
) -> tuple[list[Match], np.ndarray]:
    """Whom the found persons stand for, best first in each photograph, and the (N,) rows of labelled persons counted.

    Each found person, highest score first, takes of the labelled ones that no other took that which it resembles
    most, from an OKS of `LEAST_OKS` on. Similarities are pycocotools' own; as there, 20 persons a photograph count.

    Raises:
        InputError: an image id is not in the split.
    """
    evaluator = matched(predictions, data, image_ids)
    counted = np.isin(data.annotations.image_ids, evaluator.params.imgIds)
    rows = np.flatnonzero(counted)
    labelled = data.annotations.labelled
    found = []
    for image_id in evaluator.params.imgIds:
        scores = np.asarray(predictions[image_id][1] if image_id in predictions else [], np.float64)
        if len(scores):
            place = image_id, evaluator.params.catIds[0]
            truth = np.array([rows[person["id"] - 1] for person in evaluator._gts[place]], dtype=np.int64)
            order = np.argsort(-scores, kind="stable")[: evaluator.params.maxDets[-1]]
            oks = np.reshape(evaluator.ious[place], (len(order), len(truth)))
            found += _of_photograph(image_id, order, scores, oks, truth, labelled[truth])
    return found, rows[labelled[rows]]


def _of_photograph(
    image_id: int, order: np.ndarray, scores: np.ndarray, oks: np.ndarray, rows: np.ndarray, labelled: np.ndarray
) -> list[Match]:
    """Matches of one photograph; similarities (persons in order, annotations)."""
    free, found = labelled.copy(), []
    for place, number in enumerate(order.tolist()):
        verdict, column = _verdict(oks[place], free, labelled)
        where = (None, 0.0) if column is None else (int(rows[column]), float(oks[place, column]))
        if verdict == "matched":
            free[column] = False
        found.append(Match(image_id, number, float(scores[number]), verdict, *where))
    return found


def _verdict(oks: np.ndarray, free: np.ndarray, labelled: np.ndarray) -> tuple[str, int | None]:
    """What one found person is, and the column of the person whom it stands for."""
    for verdict, allowed in (("matched", free), ("ignored", ~labelled), ("duplicate", labelled)):
        if allowed.any():
            column = int(np.where(allowed, oks, -1).argmax())
            if oks[column] >= LEAST_OKS:
                return verdict, column
    return "background", None
