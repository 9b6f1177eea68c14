"""Persons that cannot be meant as they stand are repaired and told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from distill.data.reading.findings import Findings
from distill.data.reading.repairs import RawPersons, box_around, repaired

NAN = np.nan
SIZE = np.array([[100, 80]])


def raw(count=1, **changes):
    """Persons with two joints and all fields in order."""
    values = {
        "ids": np.arange(1, count + 1),
        "image_ids": np.full(count, 7),
        "keypoints": np.array([[[20.0 + 9 * row, 20, 2], [60, 60 - row, 1]] for row in range(count)]),
        "boxes": np.tile([10.0, 10, 60, 60], (count, 1)),
        "areas": np.full(count, 2000.0),
        "is_crowd": np.zeros(count, dtype=bool),
        "outlines": [None] * count,
    }
    return RawPersons(**values | changes)


def mended(persons, count=1):
    findings = Findings("file")
    return repaired(persons, np.repeat(SIZE, count, axis=0), findings), findings.notes()


def test_what_is_in_order_stays():
    persons, notes = mended(raw(3), 3)
    assert notes == () and persons.ids.tolist() == [1, 2, 3]
    assert persons.keypoints[0].tolist() == [[20.5, 20.5, 2], [60.5, 60.5, 1]]
    assert persons.boxes[0].tolist() == [10, 10, 60, 60] and persons.areas.tolist() == [2000] * 3


def test_continuous_coordinates_are_not_shifted():
    persons, _ = mended(raw(pixel_centre=0.0))
    assert persons.keypoints[0, 0].tolist() == [20, 20, 2]


@pytest.mark.parametrize(
    ("joint", "kept", "message"),
    [
        ([NAN, 20, 2], 0, "no numbers"),
        ([20, np.inf, 1], 0, "no numbers"),
        ([20, 20, NAN], 0, "no numbers"),
        ([0, 0, 1], 0, "at the origin"),
        ([300, 20, 2], 0, "further outside their photograph"),
        ([20, -200, 2], 0, "further outside their photograph"),
        ([20, 20, 3], 2, "another visibility than 0, 1, 2"),
        ([20, 20, 0.9], 2, "another visibility than 0, 1, 2"),
        ([20, 20, -1], 0, "another visibility than 0, 1, 2"),
    ],
)
def test_joints_that_cannot_be_meant(joint, kept, message):
    persons, notes = mended(raw(keypoints=np.array([[joint, [60.0, 60, 2]]])))
    assert persons.keypoints[0, :, 2].tolist() == [kept, 2]
    assert any(message in line and ": 1, first annotation 1 of image 7" in line for line in notes)


def test_unlabelled_joints_may_be_anything():
    persons, notes = mended(raw(keypoints=np.array([[[1e9, NAN, 0], [60.0, 60, 2]]])))
    assert notes == () and persons.keypoints[0, 0].tolist() == [0, 0, 0]


def test_fractions_are_scaled_where_most_are():
    points = np.array([[[0.2, 0.25, 2], [0.6, 0.75, 1]]] * 3) + np.arange(3)[:, None, None] * [0.01, 0, 0]
    persons, notes = mended(
        raw(3, keypoints=points, boxes=np.tile([0.1, 0.1, 0.6, 0.8], (3, 1)), areas=np.full(3, NAN)), 3
    )
    assert np.allclose(persons.keypoints[0], [[20.5, 20.5, 2], [60.5, 60.5, 1]])
    assert np.allclose(persons.boxes[0], [10, 8, 60, 64]) and np.allclose(persons.areas, 60 * 64)
    assert "joints between 0 and 1 are taken for fractions of the photograph: 3" in notes[0]


def test_a_small_person_in_the_corner_is_no_fraction():
    persons, notes = mended(
        raw(3, keypoints=np.array([[[0.5, 0.5, 2], [1, 1, 2]]] + [[[20.0, 20, 2], [60, k, 2]] for k in (50, 60)])), 3
    )
    assert persons.keypoints[0, 1].tolist() == [1.5, 1.5, 2] and not any("fractions" in line for line in notes)


@pytest.mark.parametrize(
    "box", [[NAN] * 4, [10, 10, 0, 60], [10, 10, -5, 60], [200, 10, 20, 20], [-90, 10, 20, 20], [10, 10, 1, 1]]
)
def test_boxes_of_no_use_come_from_the_joints_or_the_outline(box):
    persons, notes = mended(raw(boxes=np.array([box])))
    assert persons.boxes[0].tolist() == [16, 16, 48, 48] and "without a usable box" in notes[0]
    persons, _ = mended(raw(boxes=np.array([box]), outlines=[[[30.0, 30, 50, 30, 50, 70, 30, 70]]]))
    assert persons.boxes[0].tolist() == [30, 30, 20, 40]


@pytest.mark.parametrize("area", [NAN, 0, -3, 1, 5, 6000, np.inf])
def test_areas_of_no_use_come_from_the_outline_or_the_box(area):
    persons, notes = mended(raw(areas=np.array([area])))
    assert persons.areas.tolist() == [3600] and "without a usable area" in notes[0]
    persons, _ = mended(raw(areas=np.array([area]), outlines=[[[30.0, 30, 50, 30, 50, 70, 30, 70]]]))
    assert persons.areas.tolist() == [800]


def test_who_cannot_be_placed_is_left_out():
    persons, notes = mended(raw(2, keypoints=np.zeros((2, 2, 3)), boxes=np.array([[NAN] * 4, [1, 1, 9, 9]])), 2)
    assert persons.ids.tolist() == [2]
    assert "annotations without joints, box and outline are left out: 1, first annotation 1 of image 7" in notes[0]


def test_messages_name_the_owners_that_are_given():
    _, notes = mended(raw(areas=np.array([0.0]), owners=["file line 3"]))
    assert notes[0].endswith("first file line 3")


values = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(
    keypoints=arrays(np.float64, (2, 3, 3), elements=values),
    boxes=arrays(np.float64, (2, 4), elements=values),
    areas=arrays(np.float64, 2, elements=values),
)
def test_whatever_stands_there_what_comes_out_can_be_relied_on(keypoints, boxes, areas):
    persons, _ = mended(raw(2, keypoints=keypoints, boxes=boxes, areas=areas), 2)
    for name in ("keypoints", "boxes", "areas"):
        assert np.isfinite(getattr(persons, name)).all()
    assert np.isin(persons.keypoints[..., 2], (0, 1, 2)).all() and (persons.areas > 0).all()
    assert (persons.boxes[:, 2:] > 0).all() and not persons.keypoints[persons.keypoints[..., 2] == 0].any()


def test_a_box_around_joints_has_some_margin():
    boxes = box_around(np.array([[[10.0, 10, 2], [30, 50, 1], [0, 0, 0]], [[0, 0, 0]] * 3]))
    assert boxes[0].tolist() == [8, 6, 24, 48] and np.isnan(boxes[1]).all()
