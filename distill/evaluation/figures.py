"""Figures beside AP: joint by joint, precision against recall, and what scores are worth."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import Predictions, evaluate, precisions
from distill.evaluation.correction import Correction
from distill.evaluation.errors import INVERSION
from distill.evaluation.matching import match_persons

PCK = (0.1, 0.2)
"Parts of the longer side of a person's box within which a joint counts as right."
OKS_OF_CURVES = (0.5, 0.75)
SCORES = 127
"Thresholds of TensorBoard's precision-recall curves."
BINS = 10
"Of scores, in the calibration."


def joint_figures(correction: Correction) -> dict[str, dict[str, float | None]]:
    """By joint: AP if it alone were annotated, PCK at each of `PCK`, and share of it seen on the other side.

    PCK counts every labelled joint of every labelled person; those of persons not found are wrong.
    """
    predictions, data, image_ids = correction.predictions, correction.data, correction.image_ids
    distances = _distances(correction)
    confused = _left_right(correction)
    figures = {}
    for number, joint in enumerate(data.skeleton.joints):
        keypoints = data.annotations.keypoints.copy()
        keypoints[:, np.arange(len(data.skeleton)) != number, 2] = 0
        only = replace(data.annotations, keypoints=keypoints)
        figures[joint] = {"ap": evaluate(predictions, data, image_ids, only)["ap"]}
        known = distances[:, number][~np.isnan(distances[:, number])]
        for part in PCK:
            figures[joint][f"pck_{part}"] = float((known <= part).mean()) if len(known) else None
        figures[joint]["other_side"] = confused[number]
    return figures


def precision_recall(
    predictions: Predictions, data: KeypointSet, image_ids: Sequence[int] | None = None
) -> dict[str, list[float]]:
    """Precision at the 101 recalls 0, 0.01, ... 1 by OKS: at each of `OKS_OF_CURVES`, and the mean of COCO's ten."""
    curves = precisions(predictions, data, image_ids)
    shown = {f"{oks:.2f}": curves[oks] for oks in OKS_OF_CURVES} | {"mean": np.mean(list(curves.values()), axis=0)}
    return {name: curve.round(4).tolist() for name, curve in shown.items()}


def counts_by_score(
    predictions: Predictions, data: KeypointSet, image_ids: Sequence[int] | None = None, oks: float = 0.5
) -> dict[str, np.ndarray]:
    """Right, wrong and missed persons, each (SCORES,), if only scores from 0, 1 / 126, ... 1 on counted.

    A found person is right if its similarity with the one it stands for is at least `oks`. Keys are those of
    TensorBoard's precision-recall curves: `tp`, `fp`, `tn` (0: nobody counts who is not there), `fn`, `precision`,
    `recall`.
    """
    matches, labelled = match_persons(predictions, data, image_ids)
    counted = [match for match in matches if match.verdict != "ignored"]
    scores = np.array([match.score for match in counted])
    right = np.array([match.verdict == "matched" and match.oks >= oks for match in counted], dtype=bool)
    above = scores >= np.linspace(0, 1, SCORES)[:, None]
    tp, fp = (above & right).sum(axis=1), (above & ~right).sum(axis=1)
    return {
        "tp": tp,
        "fp": fp,
        "tn": np.zeros(SCORES, dtype=np.int64),
        "fn": len(labelled) - tp,
        "precision": tp / np.maximum(tp + fp, 1),
        "recall": tp / max(len(labelled), 1),
    }


def telling_score(predictions: Predictions, data: KeypointSet, image_ids: Sequence[int] | None = None) -> float:
    """The score from which persons are worth drawing: precision and recall (OKS 0.5) together are best there (F1).

    Scores of different models mean different things; 0 where nobody is right.
    """
    counts = counts_by_score(predictions, data, image_ids)
    f1 = 2 * counts["tp"] / np.maximum(2 * counts["tp"] + counts["fp"] + counts["fn"], 1)
    return float(np.linspace(0, 1, SCORES)[f1.argmax()])


def calibration(correction: Correction) -> dict:
    """What scores say of a found person's similarity with the one it stands for, 0 if it stands for nobody.

    Returns: `bins` of equal width, as far as they hold persons, each with mean `score`, mean `oks`, `right`, the
    share of an OKS of 0.5 or more, and `persons`; and `error`, the mean distance of score and OKS of bins, by persons
    (None without persons).
    """
    counted = [match for match in correction.matches if match.verdict != "ignored"]
    scores = np.array([match.score for match in counted])
    oks = np.array([match.oks if match.verdict == "matched" else 0.0 for match in counted])
    place = np.minimum((scores.clip(0, 1) * BINS).astype(int), BINS - 1)
    bins = [
        {
            "score": float(scores[those].mean()),
            "oks": float(oks[those].mean()),
            "right": float((oks[those] >= 0.5).mean()),
            "persons": int(those.sum()),
        }
        for those in (place == number for number in range(BINS))
        if those.any()
    ]
    error = sum(b["persons"] * abs(b["score"] - b["oks"]) for b in bins) / len(counted) if counted else None
    return {"bins": bins, "error": error}


def _distances(correction: Correction) -> np.ndarray:
    """(N, K) distances of found joints, in longer sides of the person's box: nan not labelled, inf not found."""
    annotations = correction.data.annotations
    keypoints = annotations.keypoints[correction.labelled]
    distances = np.where(keypoints[..., 2] > 0, np.inf, np.nan)
    rows = {int(row): place for place, row in enumerate(correction.labelled)}
    for each in correction.persons:
        person = np.asarray(correction.predictions[each.match.image_id][0])[each.match.number]
        side = max(annotations.boxes[each.match.annotation, 2:].max(), 1.0)
        apart = np.linalg.norm(person[:, :2] - each.truth.keypoints[:, :2], axis=1) / side
        seen = (each.truth.keypoints[:, 2] > 0) & (person[:, 2] > 0)
        distances[rows[each.match.annotation], seen] = apart[seen]
    return distances


def _left_right(correction: Correction) -> list[float | None]:
    """(K) share of the labelled joints of found persons that stand where their left or right twin is."""
    kinds = np.array([each.errors.kinds for each in correction.persons], dtype=object)
    kinds = kinds.reshape(-1, len(correction.data.skeleton))
    labelled, inverted = (kinds != "").sum(axis=0), (kinds == INVERSION).sum(axis=0)
    return [int(i) / int(n) if n else None for i, n in zip(inverted, labelled, strict=True)]
