"""Persons come back from the maps that they would make, by whichever joint they are found first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachers.personlab import TREE, PersonLabConfig, PersonLabMaps, decode

NAMES = sorted({name for edge in TREE for name in edge})
EDGES = tuple((NAMES.index(parent), NAMES.index(child)) for parent, child in TREE)
STRIDE, SIDE = 16, 40


def maps_of(persons: np.ndarray, scores: np.ndarray) -> PersonLabMaps:
    """What a perfect network gives of persons (P, K, 2) y, x whose joints have these scores (P, K)."""
    cells = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), axis=-1) * STRIDE
    heatmaps = np.zeros((SIDE, SIDE, len(NAMES)), np.float32)
    short = np.zeros((SIDE, SIDE, 2, len(NAMES)))
    forward, backward = np.zeros((2, SIDE, SIDE, 2, len(EDGES)))
    apart = np.linalg.norm(cells[:, :, None, None] - persons, axis=-1)
    nearest = apart.argmin(axis=2)
    for joint in range(len(NAMES)):
        owner = nearest[..., joint]
        short[..., joint] = persons[owner, joint] - cells
        place = np.rint(persons[:, joint] / STRIDE).astype(int)
        heatmaps[place[:, 0], place[:, 1], joint] = scores[:, joint]
    for edge, (parent, child) in enumerate(EDGES):
        towards = persons[:, child] - persons[:, parent]
        forward[..., edge] = towards[nearest[..., parent]]
        backward[..., edge] = -towards[nearest[..., child]]
    return PersonLabMaps(heatmaps, short, forward, backward, STRIDE)


@st.composite
def scenes(draw) -> tuple[np.ndarray, np.ndarray]:
    """Up to three persons, well apart, and their joints' scores."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    count = draw(st.integers(1, 3))
    middles = np.array([[100, 100], [320, 480], [500, 150]])[:count]
    persons = middles[:, None] + rng.uniform(-70, 70, (count, len(NAMES), 2))
    return persons, rng.uniform(0.2, 0.9, (count, len(NAMES)))


@given(scenes())
@settings(deadline=None, max_examples=60)
def test_persons_come_back(scene):
    persons, scores = scene
    found, total = decode(maps_of(persons, scores), EDGES, PersonLabConfig(threshold=0.1))
    assert len(found) == len(persons) and (np.diff(total) <= 0).all()
    order = [int(np.abs(found[:, :, :2] - person).sum(axis=(1, 2)).argmin()) for person in persons]
    assert sorted(order) == list(range(len(persons)))
    np.testing.assert_allclose(found[order][..., :2], persons, atol=1e-6)
    np.testing.assert_allclose(total[order], scores.mean(axis=1), atol=1e-6)


def test_joints_of_a_better_person_do_not_count_again():
    persons = np.random.default_rng(0).uniform(100, 300, (1, len(NAMES), 2))
    scores = np.full((1, len(NAMES)), 0.8)
    maps = maps_of(persons, scores)
    maps.heatmaps[38, 38, 0] = 0.7
    maps.short[38, 38, :, 0] = 0
    found, total = decode(maps, EDGES, PersonLabConfig(threshold=0.5))
    assert len(found) == 2 and total[0] == pytest.approx(0.8) and total[1] == pytest.approx(0.7 / len(NAMES))


def test_nobody_and_no_more_than_asked_for():
    persons = np.random.default_rng(1).uniform(50, 550, (3, len(NAMES), 2))
    maps = maps_of(persons, np.full((3, len(NAMES)), 0.8))
    found, scores = decode(maps, EDGES, PersonLabConfig(threshold=0.9))
    assert found.shape == (0, len(NAMES), 3) and scores.shape == (0,)
    assert len(decode(maps, EDGES, PersonLabConfig(threshold=0.1, max_persons=1))[0]) == 1


@pytest.mark.parametrize("options", [{"threshold": 2}, {"same": -1}, {"max_persons": 0}])
def test_values_out_of_range_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        PersonLabConfig(**options)
