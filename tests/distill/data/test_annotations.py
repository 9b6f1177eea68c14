"""The form in memory keeps what it was given and refuses what cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.data.annotations import AnnotatedSplit, Annotations, PackedValues
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(values, max_size=8))
def test_packed_values_come_out_as_they_went_in(given_values):
    packed = PackedValues(given_values)
    assert len(packed) == len(given_values)
    assert [packed[number] for number in range(len(packed))] == given_values


@pytest.fixture
def split() -> AnnotatedSplit:
    """Two images, the first with two persons of whom one is a crowd."""
    keypoints = np.zeros((2, 17, 3), np.float32)
    keypoints[0, 4] = keypoints[1, 5] = 3, 4, 2
    annotations = Annotations(
        ids=np.array([5, 6]),
        image_ids=np.array([1, 1]),
        boxes=np.ones((2, 4)),
        keypoints=keypoints,
        is_crowd=np.array([False, True]),
        areas=np.ones(2),
        outlines=PackedValues([None, None]),
    )
    images = {"image_ids": np.array([1, 2]), "sizes": np.full((2, 2), 9), "files": np.array(["1.jpg", "2.jpg"])}
    names = {"folder": Path("photographs"), "annotation_file": Path("set.json"), "sha256": "ab"}
    return AnnotatedSplit(skeleton=COCO_17, annotations=annotations, **images, **names)


def test_annotations_are_found_by_image(split):
    assert [split.annotations.of(image_id) for image_id in (1, 2, 3)] == [slice(0, 2), slice(2, 2), slice(2, 2)]
    assert split.annotations.labelled.tolist() == [True, False]
    assert [np.flatnonzero(joints).tolist() for joints in split.annotates] == [[4], [4]]
    assert split.is_annotated.all()


def test_impossible_images_are_refused(split):
    for change, message in (
        ({"image_ids": np.array([2, 2])}, "two images with id 2"),
        ({"image_ids": np.array([2, 3])}, "belongs to image 1, which is not listed"),
        ({"sizes": np.array([[9, 9], [9, 0]])}, "image 2 has a size of 9 x 0 pixels"),
    ):
        with pytest.raises(InputError, match=f"set.json.*{message}"):
            replace(split, **change)


def test_a_format_that_mixes_things_up_is_told(split):
    with pytest.raises(ValueError, match="images must come by ascending id"):
        replace(split, image_ids=np.array([2, 1]))
    with pytest.raises(ValueError, match="in the order of their images"):
        replace(split, annotations=replace(split.annotations, image_ids=np.array([2, 1])))
    with pytest.raises(ValueError, match=r"annotations of \(2, 17, 3\) expected, not \(2, 16, 3\)"):
        replace(split, annotations=replace(split.annotations, keypoints=np.zeros((2, 16, 3), np.float32)))
    with pytest.raises(ValueError, match="'areas': 1"):
        replace(split, annotations=replace(split.annotations, areas=np.ones(1)))


@pytest.mark.parametrize("field", ["keypoints", "boxes", "areas"])
def test_no_annotation_may_hold_what_is_no_finite_number(split, field):
    for wrong in (np.nan, np.inf):
        broken = getattr(split.annotations, field).copy()
        broken[1] = wrong
        with pytest.raises(InputError, match=r"set.json: annotation 6 has something else than finite numbers"):
            replace(split, annotations=replace(split.annotations, **{field: broken}))
