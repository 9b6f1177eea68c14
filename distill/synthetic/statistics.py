"""How hard a set is: people, overlap, occlusion and truncation, measured from its annotation file."""

import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np

from distill.system.errors import InputError


def measure(annotation_file: Path | str) -> dict[str, float]:
    """Figures of a COCO keypoint file as it lies on disk.

    Returns:
        `images`, `persons`; `persons_per_image`; `mean_pairwise_iou`, of the boxes of every two people of one
        image, averaged over all pairs of the set; `occluded_fraction` of the labelled joints; for synthetic sets
        also `truncated_fraction` of the people, `min_standing_height` and `max_standing_height` as fractions of
        the picture's height, and `distractors_per_image`.

    Raises:
        InputError: the file is no COCO annotation file.
    """
    try:
        document = json.loads(Path(annotation_file).read_text())
    except ValueError:
        raise InputError(f"{annotation_file} is no JSON") from None
    if not isinstance(document, dict) or not {"images", "annotations"} <= document.keys():
        raise InputError(f"{annotation_file} is no COCO annotation file")
    images, people = document["images"], [a for a in document["annotations"] if not a["iscrowd"]]
    count = max(len(images), 1)
    visibility = np.array([a["keypoints"] for a in people], float).reshape(len(people), -1, 3)[:, :, 2]
    figures = {
        "images": len(images),
        "persons": len(people),
        "persons_per_image": len(people) / count,
        "mean_pairwise_iou": _mean_pairwise_iou(people),
        "occluded_fraction": float((visibility == 1).sum() / max((visibility > 0).sum(), 1)),
    }
    if people and all("standing_height" in a for a in people):
        height = {image["id"]: image["height"] for image in images}
        standing = [a["standing_height"] / height[a["image_id"]] for a in people]
        figures["truncated_fraction"] = sum(a["truncated"] for a in people) / len(people)
        figures["min_standing_height"] = min(standing)
        figures["max_standing_height"] = max(standing)
        figures["distractors_per_image"] = sum(image["distractors"] for image in images) / count
    return figures


def _mean_pairwise_iou(people: list[dict]) -> float:
    boxes = defaultdict(list)
    for person in people:
        boxes[person["image_id"]].append(person["bbox"])
    values = [_iou(a, b) for group in boxes.values() for a, b in combinations(group, 2)]
    return float(np.mean(values)) if values else 0.0


def _iou(a: list[float], b: list[float]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-9)
