"""Findings that are one person."""

import numpy as np
import pytest

from teachers.similarity import areas_of, best_of_each, extents_of, similarity

SIGMAS = np.array([0.05, 0.07, 0.09])


def person(x, y, size=40.0, scores=(0.9, 0.8, 0.7)):
    points = np.array([[x, y], [x + size, y], [x, y + size]])
    return np.column_stack([points, scores])


def test_extent_and_area_are_those_of_the_sure_joints():
    persons = np.stack([person(10, 20), person(10, 20, scores=(0.9, 0.9, 0.01))])
    low, high = extents_of(persons)
    assert low[0].tolist() == [10, 20] and high[0].tolist() == [50, 60]
    assert areas_of(persons)[0] == pytest.approx(0.6 * 1600)


def test_similarity_is_one_of_the_same_and_falls_with_distance():
    others = np.stack([person(10, 20), person(13, 20), person(90, 20)])
    values = similarity(person(10, 20), others, areas_of(others), SIGMAS)
    assert values[0] == 1 and 1 > values[1] > 0.3 and values[2] < 0.01


def test_of_each_person_the_best_finding_stays():
    persons = np.stack([person(10, 20), person(11, 21), person(200, 20), person(10, 20)])
    assert best_of_each(persons, np.array([0.5, 0.9, 0.4, 0.3]), SIGMAS).tolist() == [1, 2]
    assert best_of_each(np.zeros((0, 3, 3)), np.zeros(0), SIGMAS).tolist() == []
