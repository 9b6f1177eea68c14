"""Persons come back from perfect maps; the heatmaps correct offsets that are not perfect."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.pose.centres import UNIT, persons_of_centres
from distill.pose.grouping import GroupingConfig
from distill.pose.snapping import SURE_OF_OFFSET

K, SIDE = 5, 64
PLAIN = GroupingConfig()


def maps_of(persons: np.ndarray, error: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps and centre maps of persons (P, K, 2) in cells, their offsets wrong by `error` cells."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    heatmaps, centres = np.zeros((K, SIDE, SIDE)), np.zeros((1 + 2 * K, SIDE, SIDE))
    middles = persons.mean(axis=1)
    nearest = ((middles[:, 0, None, None] - x) ** 2 + (middles[:, 1, None, None] - y) ** 2).argmin(axis=0)
    for person, (mx, my) in zip(persons, middles, strict=True):
        centres[0] = np.maximum(centres[0], 0.9 * np.exp(-((x - mx) ** 2 + (y - my) ** 2) / 4))
        for joint, (jx, jy) in enumerate(person):
            spot = 0.8 * np.exp(-((x - jx) ** 2 + (y - jy) ** 2) / 2)
            heatmaps[joint] = np.maximum(heatmaps[joint], spot)
    wrong = np.broadcast_to(error, (2,))
    for joint in range(K):
        centres[1 + joint] = (persons[nearest, joint, 0] + wrong[0] - x) / UNIT
        centres[1 + K + joint] = (persons[nearest, joint, 1] + wrong[1] - y) / UNIT
    return heatmaps, centres


@st.composite
def scenes(draw) -> np.ndarray:
    """One to three persons whose joints lie apart."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    middles = np.array([[14, 14], [48, 20], [22, 50]])[: draw(st.integers(1, 3))]
    spread = np.array([[-8, -8], [8, -8], [0, 0], [-8, 8], [8, 8]])
    return middles[:, None] + spread + rng.uniform(-1.5, 1.5, (len(middles), K, 2))


def matched(found: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """The found person nearest to each true one."""
    apart = ((found[:, None, :, :2] - persons[None]) ** 2).sum(axis=(2, 3))
    order = apart.argmin(axis=0)
    assert sorted(order.tolist()) == list(range(len(persons)))
    return found[order]


@given(scenes(), st.floats(-1, 1), st.floats(-1, 1))
@settings(deadline=None, max_examples=80)
def test_persons_come_back_where_the_heatmaps_say(persons, dx, dy):
    found, scores = persons_of_centres(*maps_of(persons, np.array([dx, dy])), PLAIN)
    assert len(found) == len(persons) and (np.diff(scores) <= 0).all()
    np.testing.assert_allclose(matched(found, persons)[..., :2], persons, atol=0.05)
    assert (found[..., 2] > 0.5).all()


@given(scenes())
@settings(deadline=None, max_examples=40)
def test_without_heatmaps_the_offsets_say(persons):
    heatmaps, centres = maps_of(persons)
    found, _ = persons_of_centres(heatmaps * 0, centres, PLAIN)
    np.testing.assert_allclose(matched(found, persons)[..., :2], persons, atol=1e-4)
    assert found[..., 2] == pytest.approx(SURE_OF_OFFSET)


def test_two_centres_of_one_person_are_one():
    persons = np.array([[[20, 20], [40, 20], [30, 30], [20, 40], [40, 40]]], float)
    heatmaps, centres = maps_of(persons)
    centres[0, 36, 36] = 0.7
    found, scores = persons_of_centres(heatmaps, centres, PLAIN)
    assert len(found) == 1 and scores[0] == pytest.approx(centres[0].max() * found[0, :, 2].mean())


def test_what_is_outside_or_no_number_is_left_out():
    persons = np.array([[[-20, 20], [40, 20], [30, 30], [20, 40], [40, 40]]], float)
    heatmaps, centres = maps_of(persons)
    found, _ = persons_of_centres(heatmaps, centres, PLAIN)
    assert found[0, 0].tolist() == [0, 0, 0] and (found[0, 1:, 2] > 0).all()
    centres[0, 5, 5] = np.nan
    heatmaps[2, :5] = np.nan
    np.testing.assert_array_equal(persons_of_centres(heatmaps, centres, PLAIN)[0], found)
    centres[3] = np.nan
    assert len(persons_of_centres(heatmaps, centres, PLAIN)[0]) == 0


def test_of_equal_cells_the_first_is_the_centre_and_no_more_than_asked_for():
    heatmaps, centres = np.zeros((K, SIDE, SIDE)), np.zeros((1 + 2 * K, SIDE, SIDE))
    centres[0, 10, 10:12] = 0.5
    centres[0, 40, 40] = 0.4
    found, _ = persons_of_centres(heatmaps, centres, PLAIN)
    assert found[:, 0, :2].tolist() == [[10.5, 10.5], [40.5, 40.5]]
    assert len(persons_of_centres(heatmaps, centres, GroupingConfig(max_persons=1))[0]) == 1
    assert len(persons_of_centres(heatmaps, centres, GroupingConfig(detection_threshold=0.6))[0]) == 0
