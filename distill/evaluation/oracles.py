"""What a model would find if one step of its way were done for it by who knows the truth."""

from collections.abc import Sequence

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import Predictions
from distill.evaluation.predictor import Predictor, letterboxed, to_photograph
from distill.evaluation.similarity import joint_similarity
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.peaks import find_peaks

_MARGIN = 0.25
"Part of a box's sides that is shown around it, on each side."
_LEAST = 0.1
"Similarity with a person's joint from which a peak may be its own."


def true_boxes(
    predictor: Predictor, data: KeypointSet, image_ids: Sequence[int] | None = None, batch_size: int = 32
) -> Predictions:
    """Persons where the model looks at each annotated person's box alone, enlarged, and gives its best of each.

    Args:
        batch_size: boxes that go through the network together.
    """
    views = _views(data, image_ids)
    found: dict[int, list] = {}
    for start in range(0, len(views), batch_size):
        part = views[start : start + batch_size]
        crops = [_crop(data.photograph(image_id), box) for image_id, box in part]
        for (image_id, _), (_, corner), (persons, scores) in zip(
            part, crops, predictor([pixels for pixels, _ in crops]), strict=True
        ):
            if len(scores):
                best = persons[int(np.argmax(scores))].copy()
                best[:, :2] += corner * (best[:, 2:] > 0)
                found.setdefault(image_id, []).append((best, float(scores.max())))
    return {i: (np.stack([p for p, _ in each]), np.array([s for _, s in each])) for i, each in found.items()}


def true_grouping(
    predictor: Predictor, data: KeypointSet, image_ids: Sequence[int] | None = None, batch_size: int = 32
) -> Predictions:
    """Persons where the model's peaks are given to the annotated persons: the highest of those near a joint's place.

    Persons without a single peak are not found; a person's score is the mean height of all its joints' peaks.

    Args:
        predictor: of a model that gives maps.
        batch_size: photographs that go through the network together.
    """
    ids = [int(i) for i in (data.image_ids if image_ids is None else image_ids)]
    found = {}
    for start in range(0, len(ids), batch_size):
        part = ids[start : start + batch_size]
        images, matrices = zip(*(letterboxed(data.photograph(i), predictor.input_size) for i in part), strict=True)
        maps, _ = predictor.maps(np.stack(images))
        to_cells = geometry.scaling(maps["heatmaps"].shape[-1] / predictor.input_size[0])
        for image_id, heatmaps, matrix in zip(part, maps["heatmaps"], matrices, strict=True):
            peaks = _peaks(heatmaps, geometry.compose(matrix, to_cells), predictor.grouping)
            found[image_id] = _given(peaks, image_id, data)
    return found


def _peaks(heatmaps: np.ndarray, to_map: np.ndarray, grouping: GroupingConfig) -> np.ndarray:
    """(M, 4) joint, x, y in photograph pixels, height."""
    peaks = find_peaks(heatmaps.astype(np.float32), grouping.detection_threshold)
    peaks[:, 1:] = to_photograph(peaks[None, :, 1:], to_map)[0]
    return peaks


def _given(peaks: np.ndarray, image_id: int, data: KeypointSet) -> tuple[np.ndarray, np.ndarray]:
    """Persons (P, K, 3) and scores (P,) made of the peaks that are highest near the annotated joints."""
    annotations = data.annotations
    rows = np.arange(len(annotations))[annotations.of(image_id)]
    persons = []
    for row in rows[annotations.labelled[rows]].tolist():
        person = np.zeros((len(data.skeleton), 3), np.float32)
        for joint in np.flatnonzero(annotations.keypoints[row, :, 2] > 0).tolist():
            own = peaks[peaks[:, 0] == joint]
            place, area = annotations.keypoints[row, joint, :2], float(annotations.areas[row])
            near = joint_similarity(own[:, 1:3], place, area, np.float64(data.skeleton.sigmas[joint])) >= _LEAST
            if near.any():
                person[joint] = own[near][own[near][:, 3].argmax(), 1:]
        if person[:, 2].any():
            persons.append(person)
    found = np.reshape(persons, (-1, len(data.skeleton), 3)).astype(np.float32)
    return found, found[..., 2].mean(axis=1)


def _views(data: KeypointSet, image_ids: Sequence[int] | None) -> list[tuple[int, np.ndarray]]:
    """Image and box of every annotated person with labelled joints."""
    ids = data.image_ids.tolist() if image_ids is None else image_ids
    annotations = data.annotations
    rows = np.flatnonzero(annotations.labelled & np.isin(annotations.image_ids, list(ids)))
    return [(int(annotations.image_ids[row]), annotations.boxes[row]) for row in rows]


def _crop(photograph: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of a box with a margin, as far as they are in the photograph, and their corner x, y."""
    size = np.array(photograph.shape[1::-1])
    low = np.floor(box[:2] - _MARGIN * box[2:]).astype(int).clip(0, size - 1)
    high = np.ceil(box[:2] + (1 + _MARGIN) * box[2:]).astype(int).clip(low + 1, size)
    return photograph[low[1] : high[1], low[0] : high[0]], low
