"""Photographs that are almost the same are found, and others are not."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from distill.data import near_duplicates
from distill.data.near_duplicates import difference_hash, difference_hashes, groups_of


@pytest.fixture(scope="module")
def photographs(shared):
    return sorted((shared / "coco_mini" / "val2017").iterdir())


def test_edited_copies_are_near_and_other_photographs_far(photographs, tmp_path):
    for number, path in enumerate(photographs[:20]):
        with Image.open(path) as image:
            ImageEnhance.Brightness(image.convert("RGB")).enhance(0.8).resize(
                (image.width // 2, image.height // 2)
            ).save(tmp_path / f"{number}.jpg", quality=50)
    copies = [tmp_path / f"{number}.jpg" for number in range(20)]
    groups = groups_of(difference_hashes([*photographs, *copies]))
    count = len(photographs)
    assert len(set(groups[:count].tolist())) == count
    assert (groups[count:] == groups[:20]).all()


def test_pairs_are_all_that_differ_in_few_bits():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**63, 200, dtype=np.uint64)
    for row in range(100, 200):
        bits = rng.choice(64, rng.integers(0, 12), replace=False)
        values[row] = values[row - 100] ^ np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64), initial=0)
    groups = groups_of(values.tolist())
    near = np.bitwise_count(values[:100] ^ values[100:]) <= near_duplicates.RADIUS
    assert ((groups[:100] == groups[100:]) == near).all() and near.any() and not near.all()


def test_what_cannot_be_read_is_like_nothing(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    assert difference_hash(tmp_path / "a.jpg") is None
    assert len(set(groups_of([None, None, 3]).tolist())) == 3
    assert groups_of([]).tolist() == []


def test_augmented_copies_belong_together():
    names = ["a/x_jpg.rf.0a1b.jpg", "x_jpg.rf.77.jpg", "y_jpg.rf.77.jpg", "x.jpg"]
    groups = groups_of([None] * 4, names)
    assert groups[0] == groups[1] and len(set(groups.tolist())) == 3
