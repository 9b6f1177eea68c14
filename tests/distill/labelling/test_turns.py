"""A teacher that sees upright people only finds the others in turned photographs, at their own place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.labelling.teacher import load_teacher
from distill.labelling.turns import Turned, turned_back
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError
from teachers.contract import TeacherPersons

SIGMAS = np.full(4, 0.05)


class Brightest:
    """One person whose joints are the four brightest pixels, sure of it where the brightest is in the upper half."""

    needs = ()

    def __init__(self):
        self.attributes = {"weights_sha256": "none"}

    def __call__(self, photographs):
        persons, scores = [], []
        for photograph in photographs:
            order = np.argsort(-photograph[..., 0].astype(int), axis=None, kind="stable")[:4]
            row, column = np.unravel_index(order, photograph.shape[:2])
            persons.append(np.stack([column + 0.5, row + 0.5, np.ones(4)], axis=-1)[None])
            scores.append(np.array([0.9 if row[0] < photograph.shape[0] / 2 else 0.2]))
        return TeacherPersons(persons, scores)


def photograph(points):
    image = np.zeros((1, 30, 50, 3), np.uint8)
    for number, (x, y) in enumerate(points):
        image[0, y, x] = 250 - 10 * number
    return image


@given(st.integers(0, 3), st.integers(0, 49), st.integers(0, 29))
def test_a_pixel_comes_back_to_its_place(quarter, x, y):
    turned = np.rot90(photograph([(x, y)]), quarter, axes=(1, 2))
    _, row, column, _ = np.argwhere(turned == 250)[0]
    person = np.array([[[column + 0.5, row + 0.5, 1.0]]])
    np.testing.assert_array_equal(turned_back(person, quarter, (50, 30))[0, 0], (x + 0.5, y + 0.5, 1))


@pytest.mark.parametrize(("turns", "score"), [(1, 0.2), (2, 0.9), (4, 0.9)])
def test_the_surest_look_counts_and_one_person_stays_one(turns, score):
    points = [(20, 25), (24, 12), (28, 6), (16, 8)]
    answer = Turned(Brightest(), turns, SIGMAS)(photograph(points))
    assert len(answer.persons[0]) == 1 and answer.scores[0][0] == score
    np.testing.assert_allclose(answer.persons[0][0, :, :2], np.array(points) + 0.5)


def test_it_says_so_in_what_the_labels_are():
    assert Turned(Brightest(), 2, SIGMAS).attributes == {"weights_sha256": "none", "turns": 2}


def test_teachers_that_are_told_where_to_look_or_give_maps_are_refused():
    with pytest.raises(InputError, match=r"teacher\.turns is 4, but this teacher is given persons of upright"):
        load_teacher(Choice("oracle", {"turns": 4}), COCO_17)
    loaded = load_teacher(Choice("demo", {"turns": 2, "input_size": 64, "flip": False}), COCO_17)
    with pytest.raises(InputError, match=r"teacher\.turns is 2, but this teacher gives maps"):
        loaded.teacher(np.zeros((1, 64, 64, 3), np.uint8))
    with pytest.raises(InputError, match=r"teacher\.turns must be 1, 2 or 4, not 3"):
        load_teacher(Choice("demo", {"turns": 3}), COCO_17)
    assert "turns" not in load_teacher(Choice("demo", {"turns": 1}), COCO_17).attributes
