import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


@pytest.fixture
def zip_of():
    """Function from {name: content} to the bytes of a zip file."""

    def pack(members: dict[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return pack


@pytest.fixture
def write(tmp_path):
    """Function that writes a COCO set of one 24 x 16 photograph with the given annotations and reads it."""

    def write(*annotations, folder="train2017", skeleton=COCO_17, **changes):
        photographs = tmp_path / folder
        photographs.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photographs / "7.jpg")
        person = {
            "image_id": 7,
            "category_id": 1,
            "bbox": [2, 2, 8, 10],
            "keypoints": [5, 6, 2] + [0] * 48,
            "iscrowd": 0,
        }
        full = [{"id": i} | person | a for i, a in enumerate(annotations, 1)]
        document = {
            "images": [{"id": 7, "file_name": "7.jpg", "width": 24, "height": 16}],
            "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}],
            "annotations": full,
        } | changes
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations/person_keypoints_train2017.json").write_text(json.dumps(document))
        return KeypointSet(DataSource(tmp_path, "train2017"), skeleton)

    return write
