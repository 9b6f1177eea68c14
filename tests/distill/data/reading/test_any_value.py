"""Whatever stands in a file: it is read, told, or refused in one line."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

PERSON = {"id": 1, "category_id": 1, "bbox": [1, 1, 10, 10], "area": 80, "iscrowd": 0, "num_keypoints": 2}
DOCUMENT = {
    "images": [{"id": i, "file_name": f"{i}.jpg", "width": 24, "height": 16} for i in (7, 8)],
    "annotations": [
        PERSON
        | {"image_id": 7, "keypoints": [3, 4, 2, 9, 9, 1] + [0] * 45, "segmentation": [[1, 1, 11, 1, 11, 11, 1, 11]]},
        PERSON
        | {
            "id": 2,
            "image_id": 8,
            "keypoints": [4, 4, 2, 8, 9, 2] + [0] * 45,
            "segmentation": {"size": [16, 24], "counts": [20, 4, 360]},
        },
    ],
    "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints), "skeleton": [[1, 2], [2, 3]]}],
}
ODD = (
    *(None, True, False, 0, 1, -1, 2, 0.5, 1e308, float("nan"), float("inf"), 2**31, 2**53 + 1, 2**63, 10**400),
    *("", "0", "1", "7", "-3", "1.5", "nan", "true", "null", "../../etc/passwd", "a\\b.jpg", "\ud800", "x" * 5000),
    *([], {}, [[]], [None], [1, 2], ["a"], [[1, 2]], [[1, 2], [3, 4], [5, 6]], [1, 1, 5, 5], [1, 1, 10**9, 10**9]),
    *({"size": [16, 24], "counts": [384]}, {"size": [16, 24], "counts": "abc"}, {"size": None, "counts": None}),
    *([1] * 51, [0.5, 0.5, 2] * 17, ["3"] * 51, [None] * 51, [[1, 2, 2]] * 17, ["1", "2", "3", "4"]),
)
REMOVED = object()


def places(value: object, place: tuple = ()) -> Iterator[tuple]:
    """Paths to all that stands in a document; of long lists to the first four."""
    yield place
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*place, key))
    elif isinstance(value, list):
        for number in range(min(len(value), 4)):
            yield from places(value[number], (*place, number))


PLACES = [place for place in places(DOCUMENT) if place]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
changes = st.tuples(st.sampled_from(PLACES), st.one_of(st.sampled_from(ODD), json_values, st.just(REMOVED)))


def changed(document: dict, place: tuple, value: object):
    """Put a value into a document, in place, where the place is still there."""
    with suppress(KeyError, IndexError, TypeError):
        for key in place[:-1]:
            document = document[key]
        if value is REMOVED:
            del document[place[-1]]
        else:
            document[place[-1]] = copy.deepcopy(value)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A COCO set of two photographs, without its annotation file."""
    root = tmp_path_factory.mktemp("set")
    (root / "annotations").mkdir()
    (root / "val2017").mkdir()
    for name in ("7.jpg", "8.jpg"):
        Image.new("RGB", (24, 16), (9, 99, 200)).save(root / "val2017" / name)
    return root


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(faults=st.lists(changes, min_size=1, max_size=3), own=st.booleans())
def test_every_end_is_a_clean_one(root, faults, own):
    document = copy.deepcopy(DOCUMENT)
    for place, value in faults:
        changed(document, place, value)
    (root / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(document))
    try:
        data = KeypointSet(DataSource(root), None if own else COCO_17)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 700
        return
    found = {}
    for image_id in data.image_ids.tolist():
        assert np.array_equal(data.masks(image_id), data.masks(image_id))
        persons = found[image_id] = data.keypoints(image_id), np.ones(len(data.keypoints(image_id)))
        assert np.isfinite(persons[0]).all()
    assert evaluate(found, data)["ap"] in (None, pytest.approx(1))
    assert all("\n" not in line and len(line) < 1000 for line in data.notes)
