"""Stores of version 1, which hold no peaks: they are read, checked and kept, and written no more."""

import numpy as np
import pytest

from cache.errors import StoreError
from cache.reader import LabelReader
from cache.store import SoftLabelStore


@pytest.fixture
def old(filled, as_version_1):
    """The made-up labels in a store of version 1."""
    return SoftLabelStore.open(as_version_1(filled.files.root))


def test_everything_but_peaks_is_read(old, labels):
    assert not old.has_peaks
    old.check(teacher={"name": "made_up"}, image_ids=labels.ids)
    assert old.missing_shards() == []
    streamed = dict(LabelReader(old).epoch(0))
    assert sorted(streamed) == labels.ids.tolist()
    for image_id in labels.ids.tolist():
        for label in (old.read(image_id), streamed[image_id]):
            assert np.abs(label.heatmap - labels.heatmap(image_id)).max() <= old.encoding.floor
            np.testing.assert_array_equal(label.persons, labels.persons(image_id)[0])
            assert label.peaks is None


def test_asking_for_peaks_says_that_there_are_none(old, labels):
    for read in (lambda: old.read_peaks(labels.ids[0]), lambda: old.read_shard_peaks(0)):
        with pytest.raises(StoreError, match="is of format 1, which holds no peaks"):
            read()


def test_damage_is_found(old):
    path = old.files.root / "persons/c/2/0/0/0"
    path.write_bytes(path.read_bytes()[:-1])
    assert old.missing_shards() == [2]


@pytest.mark.parametrize("is_complete", [True, False])
def test_going_on_with_one_is_refused_and_changes_nothing(old, labels, is_complete):
    if not is_complete:
        (old.files.root / "complete/000001.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in old.files.root.rglob("*")}
    with pytest.raises(StoreError, match=r"filled\.zarr is a store of format 1, but 2 is written.* choose another"):
        labels.create(old.url)
    assert {path: path.stat().st_mtime_ns for path in old.files.root.rglob("*")} == before
