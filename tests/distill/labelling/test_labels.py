import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.labelling.labels import Labeller, peaks_of_persons
from distill.labelling.relabel import peaks_apart
from distill.pose.grouping import GroupingConfig
from distill.pose.peaks import find_peaks
from distill.pose.skeleton import COCO_17
from teachers.contract import TeacherMaps, TeacherPersons

SIZE = (160, 120)


@pytest.fixture
def labeller():
    return Labeller(COCO_17, GroupingConfig(), map_size=64, noise_floor=0.02)


@pytest.fixture
def person():
    """One person (17, 3), of whom the last joint was not found."""
    rng = np.random.default_rng(0)
    person = np.column_stack([rng.uniform(20, 100, (17, 2)), rng.uniform(0.3, 1, 17)])
    person[16] = 0
    return person.astype(np.float32)


def test_persons_alone_become_peaks_and_maps(labeller, person):
    labels = labeller(TeacherPersons([person[None], np.zeros((0, 17, 3))], [np.ones(1), np.zeros(0)]), [SIZE] * 2)
    assert labels.heatmaps.shape == (2, 17, 64, 64)
    peaks = labels.peaks[0]
    np.testing.assert_array_equal(peaks[:, :4], np.column_stack([np.arange(16), person[:16]]))
    found = find_peaks(labels.heatmaps[0], 0.02)
    np.testing.assert_allclose(found[:, 1:3], person[:16, :2] * 0.4 + (0, 8), atol=0.05)
    np.testing.assert_allclose(found[:, 3], person[:16, 2], atol=0.01)
    assert not labels.heatmaps[0, :, :8].any()
    assert len(labels.peaks[1]) == 0
    assert not labels.heatmaps[1].any()


def test_peaks_of_the_teacher_go_before_those_of_its_persons(labeller, person):
    peaks = np.array([[3, 50, 60, 0.8, 4], [4, 158, 130, 0.9, 4], [5, 50, 121, 0.9, 4], [6, 1, 1, 0.01, 4]])
    labels = labeller(TeacherPersons([person[None]], [np.ones(1)], [peaks]), [SIZE])
    # What lies beside the photograph by a cell comes to its border, further away or fainter ones are left out.
    np.testing.assert_allclose(labels.peaks[0], [(3, 50, 60, 0.8, 4), (5, 50, 120, 0.9, 4)], rtol=1e-6)


def test_maps_without_tags_are_one_person(labeller):
    heatmaps = torch.zeros(1, 17, 60, 80)
    heatmaps[0, :, 20, 30], heatmaps[0, :, 40, 60] = 0.9, 0.6
    labels = labeller(TeacherMaps(heatmaps, None, np.array([[0.5, 0, 0], [0, 0.5, 0]])), [SIZE])
    assert labels.persons[0].shape == (1, 17, 3)
    np.testing.assert_allclose(labels.persons[0][0, :, :2], np.tile((61, 41), (17, 1)), atol=1)
    assert len(labels.peaks[0]) == 34


@given(size=st.floats(1, 500), score=st.floats(0.01, 1))
def test_width_of_a_persons_peaks_is_a_share_of_its_size(size, score):
    persons = np.array([[[10, 10, score], [10 + size, 10, score], [0, 0, 0]]])
    peaks = peaks_of_persons(persons, 640)
    assert peaks.shape == (2, 5)
    np.testing.assert_allclose(peaks[:, 4], max(0.04 * size, 0.004 * 640), rtol=1e-4)


def test_peaks_of_nobody():
    assert peaks_of_persons(np.zeros((0, 17, 3)), 640).shape == (0, 5)


def test_difference_of_peaks():
    peaks = np.array([[0, 10, 10, 0.9, 2], [1, 10, 10, 0.5, 2]])
    assert peaks_apart(peaks, peaks[::-1]) == 0
    assert peaks_apart(peaks, peaks + (0, 0.5, 0, 0, 0)) == 0
    assert peaks_apart(peaks, peaks + (0, 0, 0, -0.1, 0)) == pytest.approx(0.1)
    assert peaks_apart(peaks, peaks[:1]) == peaks_apart(peaks[:1], peaks) == 0.5
    assert peaks_apart(peaks, peaks + (0, 2, 0, 0, 0)) == 0.9
    assert peaks_apart(peaks[:0], peaks[:0]) == 0
