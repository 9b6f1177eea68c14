"""Several teachers as one: maps averaged where they lie on one another, persons matched and joined."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch

from distill.labelling.labels import persons_of_maps
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from teachers.contract import TeacherMaps, TeacherPersons
from teachers.ensemble import Ensemble
from teachers.registry import TEACHERS, load

PHOTOGRAPHS = np.zeros((1, 64, 96, 3), np.uint8)
K = len(COCO_17)
PERSON = np.column_stack([np.random.default_rng(0).uniform(10, 60, (K, 2)), np.full(K, 0.8)])


@dataclass
class Given:
    """A teacher that answers what it was given."""

    answer: TeacherMaps | TeacherPersons
    needs: tuple = ()

    @property
    def attributes(self):
        return {"kind": "given"}

    def __call__(self, photographs, **needed):
        assert set(needed) == set(self.needs)
        return self.answer


@pytest.fixture
def ensemble(surroundings, monkeypatch):
    """Function that makes an ensemble of teachers with these answers."""

    def make(*answers, needs=(), **options):
        for number, answer in enumerate(answers):
            monkeypatch.setitem(TEACHERS, f"given_{number}", lambda _, a=answer: Given(a, needs))
        group = partial(persons_of_maps, skeleton=COCO_17, grouping=GroupingConfig())
        choices = [{"name": f"given_{number}"} for number in range(len(answers))]
        return Ensemble(surroundings(COCO_17.flip_index, group=group), teachers=choices, **options)

    return make


def persons(*some, scores=None):
    found = np.array(some, np.float32).reshape(-1, K, 3)
    return TeacherPersons([found], [np.array(scores or [0.8] * len(found), np.float32)])


def test_one_person_of_two_teachers_is_one_at_their_mean(ensemble):
    moved = PERSON + [1, 0, -0.4]
    answer = ensemble(persons(PERSON), persons(moved, scores=[0.4]))(PHOTOGRAPHS)
    assert answer.persons[0].shape == (1, K, 3)
    expected = (PERSON[:, :2] * 0.8 + moved[:, :2] * 0.4) / 1.2
    np.testing.assert_allclose(answer.persons[0][0, :, :2], expected, atol=1e-4)
    assert answer.persons[0][0, :, 2] == pytest.approx(np.full(K, 0.6)) and answer.scores[0] == pytest.approx([0.6])


def test_weights_count(ensemble):
    answer = ensemble(persons(PERSON), persons(PERSON + [1, 0, 0]), weights=(3, 1))(PHOTOGRAPHS)
    np.testing.assert_allclose(answer.persons[0][0, :, 0], PERSON[:, 0] + 0.25, atol=1e-4)


def test_a_joint_on_which_they_disagree_is_the_surest_ones(ensemble):
    other = PERSON.copy()
    other[3] = 500, 500, 0.5
    answer = ensemble(persons(PERSON), persons(other))(PHOTOGRAPHS)
    assert answer.persons[0].shape == (1, K, 3)
    assert answer.persons[0][0, 3] == pytest.approx([*PERSON[3, :2], 0.4], abs=1e-4)


def test_who_is_seen_by_one_alone_stays_at_a_lower_score(ensemble):
    other = PERSON + [300, 300, 0]
    answer = ensemble(persons(PERSON), persons(PERSON, other))(PHOTOGRAPHS)
    assert sorted(answer.scores[0].tolist()) == pytest.approx([0.4, 0.8])
    only = ensemble(persons(PERSON), persons(PERSON, other), confidence=0.5)(PHOTOGRAPHS)
    assert only.scores[0] == pytest.approx([0.8])
    assert len(ensemble(persons(), persons())(PHOTOGRAPHS).persons[0]) == 0


def test_two_persons_of_one_teacher_are_never_joined(ensemble):
    answer = ensemble(persons(PERSON, PERSON + [0.1, 0, 0]), persons())(PHOTOGRAPHS)
    assert len(answer.persons[0]) == 2


def ramp(width, height, to_map, tags=None):
    """Maps that are a linear function of the place in the photograph, on a grid."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    px, py = (x - to_map[0, 2]) / to_map[0, 0], (y - to_map[1, 2]) / to_map[1, 1]
    maps = torch.from_numpy((px + 2 * py) / 400).float().expand(1, K, -1, -1)
    return TeacherMaps(maps, tags, to_map)


def test_maps_of_two_grids_are_averaged_where_they_lie(ensemble):
    fine = ramp(48, 32, np.array([[0.5, 0, 0], [0, 0.5, 0]]))
    coarse = ramp(30, 20, np.array([[0.25, 0, 2.0], [0, 0.25, 1.0]]))
    answer = ensemble(fine, coarse)(PHOTOGRAPHS)
    inner = (0, 0, slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(answer.heatmaps[inner], fine.heatmaps[inner], atol=1e-5)
    assert answer.tags is None and len(answer.views) == 2
    np.testing.assert_array_equal(answer.to_map, fine.to_map)


def test_tags_of_all_stand_beside_one_another(ensemble):
    to_map = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    one, two = (ramp(48, 32, to_map, torch.full((1, K, 32, 48, n), float(n))) for n in (1, 2))
    answer = ensemble(one, two)(PHOTOGRAPHS)
    assert answer.tags.shape == (1, K, 32, 48, 3)
    assert answer.tags[0, 0, 16, 24].tolist() == [1, 2, 2]


def test_maps_beside_persons_become_persons(ensemble):
    to_map = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    maps = torch.zeros(1, K, 32, 48)
    for joint, (x, y, _) in enumerate(PERSON):
        maps[0, joint, int(y / 2), int(x / 2)] = 0.9
    answer = ensemble(TeacherMaps(maps, None, to_map), persons(PERSON))(PHOTOGRAPHS)
    assert isinstance(answer, TeacherPersons) and answer.persons[0].shape == (1, K, 3)
    assert np.abs(answer.persons[0][0, :, :2] - PERSON[:, :2]).max() < 2


def test_what_they_need_is_given_to_those_who_need_it(ensemble):
    made = ensemble(persons(PERSON), persons(PERSON), needs=("image_ids",))
    assert made.needs == ("image_ids",)
    assert len(made(PHOTOGRAPHS, image_ids=[1]).persons) == 1
    assert [each["name"] for each in made.attributes["teachers"]] == ["given_0", "given_1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teachers": [{"name": "oracle"}]}, "teachers needs two or more"),
        ({"teachers": [{"name": "oracle"}, {"name": "nobody"}]}, "teachers.1.name must be one of"),
        ({"teachers": [{"name": "oracle"}, "ensemble"]}, "teachers.1.name must be one of"),
        ({"teachers": [{"name": "oracle"}, {"name": "results"}]}, "teachers.1: .*results"),
        ({"teachers": ["oracle", "oracle"], "weights": (1,)}, "weights needs 2 positive numbers"),
        ({"teachers": ["oracle", "oracle"], "same": 2}, "same must lie in 0..1"),
    ],
)
def test_what_is_wrong_is_named(surroundings, options, message):
    load()
    with pytest.raises(ValueError, match=message):
        Ensemble(surroundings(COCO_17.flip_index), **options)
