import numpy as np
import pytest

from cache import peaks
from cache.store import SoftLabelStore

IMAGES, KEYPOINTS, MAP_SIZE, SHARD_LENGTH = 22, 5, 24, 4


IDS = np.arange(IMAGES) ** 2 + 5
SETTINGS = {
    "image_ids": IDS,
    "image_sizes": np.stack([IDS + 30, IDS + 40], axis=1),
    "to_map": np.tile([[0.2, 0, 1], [0, 0.2, 0]], (IMAGES, 1, 1)),
    "num_keypoints": KEYPOINTS,
    "map_size": MAP_SIZE,
    "max_persons": 3,
    "shard_length": SHARD_LENGTH,
    "attributes": {
        "teacher": {"name": "made_up", "scales": (0.5, 1.0)},
        "dataset": {"split": "val2017", "annotation_sha256": "ab" * 32},
        "tool_version": "1",
    },
}


class Labels:
    """Made-up labels, functions of the image id, and the store settings that fit them."""

    ids = IDS
    settings = SETTINGS

    @staticmethod
    def heatmap(image_id):
        rng = np.random.default_rng(image_id)
        return (rng.random((KEYPOINTS, MAP_SIZE, MAP_SIZE)) ** 6).astype(np.float32)

    @staticmethod
    def persons(image_id):
        rng = np.random.default_rng(image_id)
        number = image_id % 3
        return rng.uniform(0.1, 99, (number, KEYPOINTS, 3)).astype(np.float32), rng.random(number).astype(np.float32)

    @staticmethod
    def peaks(image_id):
        """As they come back, rounded."""
        rng = np.random.default_rng(image_id)
        rows = rng.random((image_id % 7, 5)) * (KEYPOINTS, image_id + 30, image_id + 40, 1, 9)
        rows[:, 0] = np.floor(rows[:, 0])
        return peaks.unpack(peaks.pack([rows], [image_id + 40], 15)[0], image_id + 40)

    def write(self, store, shard):
        ids = store.shard_image_ids(shard)
        persons, scores = zip(*(self.persons(i) for i in ids), strict=True)
        found = [self.peaks(i) for i in ids]
        store.write_shard(shard, np.stack([self.heatmap(i) for i in ids]), persons, scores, found)

    def create(self, path, **changes):
        return SoftLabelStore.create(path, **(self.settings | changes))

    def fill(self, path, **changes):
        store = self.create(path, **changes)
        for shard in store.missing_shards():
            self.write(store, shard)
        return store


@pytest.fixture(scope="session")
def labels():
    """Made-up labels for 22 images in 6 shards."""
    return Labels()


@pytest.fixture
def filled(labels, tmp_path):
    """A complete store of those labels."""
    return labels.fill(tmp_path / "filled.zarr")
