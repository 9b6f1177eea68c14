"""The minival's worst photographs of the moment, for TensorBoard."""

from collections import defaultdict

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.drawing.persons import draw_persons
from distill.drawing.result_sheet import CELL, confident
from distill.drawing.sheet import contact_sheet
from distill.evaluation.coco import Predictions
from distill.evaluation.figures import telling_score
from distill.evaluation.matching import match_persons

PHOTOGRAPHS = 4
"Rows of a sheet."


def draw_worst(
    predictions: Predictions, data: KeypointSet, image_ids: list[int], teacher: Predictions | None = None
) -> np.ndarray:
    """A sheet (H, W, 3) uint8 RGB of the photographs whose annotated persons are found worst, by their mean OKS.

    Columns: ground truth, the teacher where there is one, the student.
    """
    columns = {} if teacher is None else {"teacher": teacher}
    columns["student"] = predictions
    least = {name: telling_score(found, data, image_ids) for name, found in columns.items()}
    rows = []
    for image_id in worst_photographs(predictions, data, image_ids):
        photograph = data.photograph(image_id)
        shown = [data.keypoints(image_id)]
        shown += [confident(*found[image_id], least[name]) for name, found in columns.items()]
        rows.append([draw_persons(photograph, persons, data.skeleton) for persons in shown])
    return contact_sheet(rows, ["ground truth", *columns], CELL)


def worst_photographs(predictions: Predictions, data: KeypointSet, image_ids: list[int]) -> list[int]:
    """At most `PHOTOGRAPHS` images with labelled persons, that of lowest mean OKS first."""
    matches, rows = match_persons(predictions, data, image_ids)
    oks = {match.annotation: match.oks for match in matches if match.verdict == "matched"}
    by_image = defaultdict(list)
    for row in rows.tolist():
        by_image[int(data.annotations.image_ids[row])].append(oks.get(row, 0.0))
    return sorted(by_image, key=lambda image_id: np.mean(by_image[image_id]))[:PHOTOGRAPHS]
