"""A picture of what the precisions of one network find on the same photographs."""

from collections.abc import Mapping
from functools import partial
from itertools import islice

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.drawing.persons import draw_for_sheet
from distill.drawing.result_sheet import confident
from distill.drawing.sheet import contact_sheet
from distill.evaluation.exported import exported_predictor
from mobile.runtime import LiteRTModel

CELL = 320


def draw_precisions(models: Mapping[str, LiteRTModel], data: KeypointSet, count: int) -> np.ndarray:
    """A sheet (H, W, 3) uint8 RGB: the photographs of lowest id, with labelled persons if there are any, a row each.

    Columns: the photograph, its annotation, and the persons that each model is sure of.

    Args:
        models: by what stands above their column.
        count: most rows.

    Raises:
        InputError: a photograph cannot be read.
    """
    ids = list(islice((i for i in data.image_ids.tolist() if len(data.keypoints(i))), count))
    ids = ids or data.image_ids[:count].tolist()
    photographs = [data.photograph(i) for i in ids]
    drawn = partial(draw_for_sheet, skeleton=data.skeleton, cell=CELL)
    columns = [photographs, [drawn(p, data.keypoints(i)) for p, i in zip(photographs, ids, strict=True)]]
    for model in models.values():
        predictor = exported_predictor(model)
        found = predictor(photographs)
        columns.append([drawn(p, confident(*each)) for p, each in zip(photographs, found, strict=True)])
    rows = [list(row) for row in zip(*columns, strict=True)]
    return contact_sheet(rows, ["photograph", "annotation", *models], CELL)
