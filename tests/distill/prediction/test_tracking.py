"""Persons keep their numbers through movement and short absence, whatever the frame rate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.pose.skeleton import COCO_17
from distill.prediction.tracking import Tracker, TrackingConfig
from distill.system.errors import InputError


def tracker(**options) -> Tracker:
    return Tracker(COCO_17.sigmas, TrackingConfig(**options))


@pytest.mark.parametrize("rate", [5, 25, 60])
def test_two_persons_keep_their_numbers(person, rate):
    follow = tracker()
    for frame in range(2 * rate):
        time = frame / rate
        found = [person(x=100 + 40 * time), person(x=400 - 40 * time)]
        if frame % 2:
            found.reverse()
        tracks = sorted((p.keypoints[:, 0].mean(), p.track) for p in follow(found, time))
        assert [track for _, track in tracks] == [1, 2]


@pytest.mark.parametrize(("absence", "number"), [(0.9, 1), (1.2, 2)])
def test_a_short_absence_is_survived_and_a_long_one_not(person, absence, number):
    follow = tracker()
    follow([person()], 0.0)
    follow([], absence / 2)
    assert follow([person()], absence)[0].track == number


def test_who_goes_on_moving_is_found_behind_a_pillar(person):
    follow = tracker()
    for frame in range(10):
        follow([person(x=100 + 20 * frame)], frame / 10)
    assert follow([person(x=100 + 20 * 16)], 1.6)[0].track == 1


def test_two_who_pass_each_other_keep_their_numbers(person):
    follow = tracker()
    for frame in range(31):
        one, two = person(x=100 + 10 * frame, y=100), person(x=400 - 10 * frame, y=135)
        tracks = [p.track for p in follow([one, two], frame / 10)]
    assert tracks == [1, 2]


def test_few_joints_begin_no_track(person):
    shown = person()
    keypoints = shown.keypoints.copy()
    keypoints[2:] = 0
    assert tracker()([replace(shown, keypoints=keypoints)], 0.0)[0].track is None
    assert tracker(min_joints=2)([replace(shown, keypoints=keypoints)], 0.0)[0].track == 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_no_number_is_given_twice_in_a_frame(counts):
    rng, follow = np.random.default_rng(len(counts)), tracker()
    for frame, count in enumerate(counts):
        places = rng.uniform(0, 400, (count, 17, 2))
        found = [_person_at(each) for each in places]
        tracks = [p.track for p in follow(found, frame / 10)]
        assert len(set(tracks)) == count and None not in tracks


def _person_at(places):
    from distill.prediction.model import Person

    return Person(np.column_stack([places, np.full(17, 0.5)]).astype(np.float32), 0.5)


@pytest.mark.parametrize("options", [{"oks": 0}, {"oks": 2}, {"memory": -1}, {"min_joints": 0}])
def test_values_out_of_range_are_named(options):
    with pytest.raises(InputError, match=f"tracking.{next(iter(options))}"):
        TrackingConfig(**options)
