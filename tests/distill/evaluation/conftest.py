"""A set of made-up persons, found with errors of known kinds."""

import json

import numpy as np
import pytest
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, Skeleton

SIDE = 400


@pytest.fixture
def people(tmp_path):
    """Function from persons (P, K, 3) by image id, with areas of 100 x 100 pixels, to the set that annotates them."""

    def write(
        persons: dict[int, list], skeleton: Skeleton = COCO_17, crowds: dict[int, list] | None = None
    ) -> KeypointSet:
        crowds = crowds or {}
        annotations = [
            {"image_id": image_id, "keypoints": to_coco(person), "iscrowd": int(crowd), "bbox": box_of(person)}
            for crowd, group in ((False, persons), (True, crowds))
            for image_id, those in group.items()
            for person in those
        ]
        document = {
            "images": [{"id": i, "file_name": f"{i}.png", "width": SIDE, "height": SIDE} for i in persons],
            "categories": [{"id": 1, "name": "person", "keypoints": list(skeleton.joints)}],
            "annotations": [
                {"id": number, "category_id": 1, "area": 1e4, "num_keypoints": 1, **annotation}
                for number, annotation in enumerate(annotations, start=1)
            ],
        }
        (tmp_path / "val").mkdir()
        for image_id in persons:
            Image.new("L", (SIDE, SIDE)).save(tmp_path / f"val/{image_id}.png")
        (tmp_path / "annotations").mkdir()
        (tmp_path / "annotations" / "person_keypoints_val.json").write_text(json.dumps(document))
        return KeypointSet(DataSource(tmp_path, "val"), skeleton)

    return write


@pytest.fixture
def person():
    """Function that makes a person (17, 3), all joints visible and at least 14 pixels apart, its corner at x, y."""

    def make(x: float = 100, y: float = 100) -> np.ndarray:
        number = np.arange(len(COCO_17))
        places = np.stack([x + 25 * (number % 5), y + 25 * (number // 5)], axis=1)
        return np.concatenate([places, np.full((len(number), 1), 2)], axis=1).astype(np.float32)

    return make


def to_coco(person: np.ndarray) -> list[float]:
    shifted = person - np.array([0.5, 0.5, 0]) * (person[:, 2:] > 0)
    return shifted.ravel().tolist()


def box_of(person: np.ndarray) -> list[float]:
    low, high = person[:, :2].min(axis=0), person[:, :2].max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]
