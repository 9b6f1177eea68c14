"""Photograph, keypoints, masks and peaks of a sample move together."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from distill.data.augment import AugmentConfig
from distill.data.keypoint_set import KeypointSet
from distill.data.photographs import REDUCTIONS
from distill.data.samples import Annotated, make_sample
from distill.data.source import DataSource
from distill.data.training_samples import TrainingSamples
from distill.pose import geometry
from distill.pose.skeleton import COCO_17


@pytest.fixture
def data(shared):
    return KeypointSet(DataSource(shared / "coco_mini", "train2017"), COCO_17)


@pytest.fixture
def marked():
    """A photograph that is bright at one joint of its one person, with a mask and a peak there."""
    photograph = np.zeros((60, 80, 3), dtype=np.uint8)
    photograph[20:24, 30:34] = 255
    masks = np.zeros((60, 80, 4), dtype=np.uint8)
    masks[..., 3] = 255
    masks[20:24, 30:34, 0] = 255
    keypoints = np.zeros((1, 17, 3), dtype=np.float32)
    keypoints[0, COCO_17.joints.index("left_wrist")] = (32, 22, 2)
    peaks = np.array([[COCO_17.joints.index("left_wrist"), 32, 22, 0.8, 3]], dtype=np.float32)
    return Annotated(photograph, masks, keypoints, np.ones(17, dtype=bool), True, peaks)


@pytest.mark.parametrize("mirrored", [False, True])
def test_everything_lands_at_the_same_place(marked, data, mirrored):
    matrix = geometry.compose(
        geometry.letterbox((80, 60), (128, 128)),
        geometry.flip(128) if mirrored else geometry.identity(),
        geometry.translation(-64, -64),
        geometry.rotation(15),
        geometry.translation(70, 66),
    )
    sample = make_sample(1, marked, matrix, (128, 128), data)
    joint = COCO_17.joints.index("right_wrist" if mirrored else "left_wrist")
    x, y, visibility = sample.keypoints[0, joint]
    assert visibility == 2
    np.testing.assert_allclose(sample.peaks[0], (joint, x, y, 0.8, 3 * 128 / 80), atol=1e-4)
    marks = sample.image[..., 0] > 200
    np.testing.assert_allclose((np.argwhere(marks) + 0.5).mean(0), (y, x), atol=0.6)
    np.testing.assert_allclose((np.argwhere(sample.masks[..., 0] > 127) + 0.5).mean(0) * 2, (y, x), atol=0.8)
    assert sample.masks[0, 0, 3] == 0


@pytest.mark.parametrize(
    ("shift", "is_kept"), [(0, True), (-40, True), (-100, True), (-160, False), (90, True), (190, False)]
)
def test_joints_are_kept_as_far_as_their_gaussian_may_reach(marked, data, shift, is_kept):
    matrix = geometry.compose(geometry.letterbox((80, 60), (64, 64)), geometry.translation(shift, 0))
    sample = make_sample(1, marked, matrix, (64, 64), data)
    assert sample.keypoints.shape == (int(is_kept), 17, 3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_joints_that_nobody_annotated_change_sides_with_the_photograph(marked, data, mirrored):
    annotated = np.ones(17, dtype=bool)
    annotated[[COCO_17.joints.index("left_wrist"), COCO_17.joints.index("nose")]] = False
    marked = replace(marked, joints_annotated=annotated)
    matrix = geometry.flip(80) if mirrored else geometry.identity()
    sample = make_sample(1, marked, matrix, (64, 64), data)
    missing = [COCO_17.joints[k] for k in np.flatnonzero(~sample.annotated)]
    assert missing == ["nose", "right_wrist" if mirrored else "left_wrist"]


def test_rectangular_inputs(marked, data):
    sample = make_sample(1, marked, geometry.letterbox((80, 60), (96, 64)), (96, 64), data)
    assert sample.image.shape == (64, 96, 3) and sample.masks.shape == (32, 48, 4)
    x, y, _ = sample.keypoints[0, COCO_17.joints.index("left_wrist")]
    marks = sample.image[..., 0] > 200
    np.testing.assert_allclose((np.argwhere(marks) + 0.5).mean(0), (y, x), atol=0.6)


def test_samples_are_functions_of_seed_epoch_and_id(data):
    image_id = int(data.image_ids[0])
    samples = TrainingSamples(data, (64, 64), AugmentConfig(), seed=1)
    held = TrainingSamples(data, (64, 64), AugmentConfig(), seed=1, keep_in_memory=True)
    one = samples[(3, image_id)]
    for other in (samples[(3, image_id)], held[(3, image_id)], held[(3, image_id)]):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
    assert not np.array_equal(one.matrix, samples[(4, image_id)].matrix)
    assert not np.array_equal(
        one.matrix, TrainingSamples(data, (64, 64), AugmentConfig(), seed=2)[(3, image_id)].matrix
    )


@pytest.mark.parametrize("side", [64, 256])
def test_what_is_read_smaller_lies_at_the_same_place(data, side, monkeypatch):
    """Photographs and masks that are reduced while they are read, against whole ones, warped by the same matrices."""
    reduced = TrainingSamples(data, (side, side), AugmentConfig(), seed=5)
    ids = [int(i) for i in data.image_ids if len(data.keypoints(int(i)))][:12]
    found = [reduced[0, i] for i in ids]
    monkeypatch.setattr("distill.data.training_samples.REDUCTIONS", (1,))
    wanted = [reduced[0, i] for i in ids]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.matrix, other.matrix)
        for a, b in ((one.image, other.image), (one.masks, other.masks)):
            # What is averaged lacks the finest detail, but would lie beside itself by a pixel if it were shifted.
            a, b = (cv2.blur(values, (5, 5)).astype(float) for values in (a, b))
            inner = (slice(4, -4), slice(4, -4))
            apart = np.abs(a - b)[inner].mean()
            shifted = min(np.abs(np.roll(a, by, axis) - b)[inner].mean() for axis in (0, 1) for by in (-1, 1))
            assert apart < 6
            assert apart <= shifted * 1.1 + 0.1


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_masks_are_drawn_at_the_size_of_a_reduced_photograph(data, reduction):
    for image_id in data.image_ids[:20].tolist():
        whole, drawn = data.masks(image_id), data.masks(image_id, reduction)
        assert drawn.shape[:2] == data.photograph(image_id, reduction).shape[:2]
        coarse = cv2.resize(whole, drawn.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(coarse.astype(float) - drawn).mean() < 255 * 0.02 * reduction
