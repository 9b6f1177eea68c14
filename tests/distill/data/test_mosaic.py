"""Four photographs share a sample, each in its own quarter with all that is known of it."""

import dataclasses

import numpy as np
import pytest

from distill.data.augment import AugmentConfig
from distill.data.keypoint_set import KeypointSet
from distill.data.mosaic import mosaic, part_size
from distill.data.samples import Sample
from distill.data.source import DataSource
from distill.data.training_samples import TrainingSamples
from distill.pose.skeleton import COCO_17


@pytest.fixture(scope="module")
def data(tiny_synthetic):
    return KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)


def part(number: int) -> Sample:
    """A part of 32 x 16 pixels of one shade, with a person at (8, 4) whose second joint lies outside."""
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 0], keypoints[0, 1] = (8, 4, 2), (40, 4, 2)
    return Sample(
        image_id=number,
        image=np.full((16, 32, 3), number, np.uint8),
        masks=np.full((8, 16, 4), number, np.uint8),
        keypoints=keypoints,
        persons=keypoints * np.float32([1, 1, 0.25]),
        annotated=np.arange(17) != number,
        peaks=np.array([[0, 8, 4, 0.5, 2], [1, 40, 4, 0.5, 2]], np.float32),
        matrix=np.eye(2, 3),
    )


def test_every_part_lies_in_its_quarter():
    whole = mosaic([part(number) for number in range(4)])
    assert whole.image.shape == (32, 64, 3) and whole.masks.shape == (16, 32, 4)
    corners = [(0, 0), (32, 0), (0, 16), (32, 16)]
    for number, (x, y) in enumerate(corners):
        assert (whole.image[y : y + 16, x : x + 32] == number).all()
        assert (whole.masks[y // 2 : y // 2 + 8, x // 2 : x // 2 + 16] == number).all()
        np.testing.assert_array_equal(whole.keypoints[number, 0], (x + 8, y + 4, 2))
        np.testing.assert_array_equal(whole.persons[number, 0], (x + 8, y + 4, 0.5))
        np.testing.assert_array_equal(whole.peaks[number], (0, x + 8, y + 4, 0.5, 2))


def test_what_lies_outside_of_its_part_is_gone():
    whole = mosaic([part(number) for number in range(4)])
    assert not whole.keypoints[:, 1].any() and not whole.persons[:, 1].any()
    assert len(whole.peaks) == 4
    away = dataclasses.replace(part(0), keypoints=part(0).keypoints + np.float32([100, 0, 0]))
    assert len(mosaic([away, part(1), part(2), part(3)]).keypoints) == 3


def test_a_joint_counts_where_all_parts_annotate_it():
    whole = mosaic([part(number) for number in range(4)])
    np.testing.assert_array_equal(np.flatnonzero(~whole.annotated), [0, 1, 2, 3])


def test_mosaics_are_a_function_of_seed_and_key_and_of_the_photographs_asked_for(data):
    ids = data.image_ids[:3]
    one, again = (
        TrainingSamples(data, (64, 96), AugmentConfig(mosaic=1.0), seed=3, image_ids=ids)[5, int(ids[0])]
        for _ in range(2)
    )
    assert one.image.shape == (96, 64, 3)
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.keypoints, again.keypoints)
    other = TrainingSamples(data, (64, 96), AugmentConfig(mosaic=1.0), seed=4, image_ids=ids)[5, int(ids[0])]
    assert (one.image != other.image).any()


@pytest.mark.parametrize("size", [(32, 32), (256, 160), (320, 96)])
def test_parts_fill_the_input(size):
    assert tuple(2 * side for side in part_size(size)) == size
