"""Augmentation stays within its limits and is a function of its generator."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.data.augment import AugmentConfig, apply_colours, sample_colours, sample_geometry
from distill.pose import geometry
from distill.system.errors import InputError

NONE = AugmentConfig(
    flip=0, rotation=0, scale_min=1, scale_max=1, translation=0, brightness=0, contrast=0, saturation=0
)


@given(st.integers(0, 2**32), st.integers(16, 900), st.integers(16, 900))
def test_limits(seed, width, height):
    config = AugmentConfig()
    matrix = sample_geometry(np.random.default_rng(seed), (width, height), (128, 128), config)
    areas = [np.linalg.det(m[:, :2]) for m in (matrix, geometry.letterbox((width, height), (128, 128)))]
    factor = np.sqrt(abs(areas[0] / areas[1]))
    assert config.scale_min - 1e-9 <= factor <= config.scale_max + 1e-9
    centre = geometry.transform(matrix, np.array([width / 2, height / 2]))
    assert np.abs(centre - 64).max() <= config.translation * 128 + 1e-6


def test_nothing_asked_for_is_the_letterbox():
    matrix = sample_geometry(np.random.default_rng(0), (200, 100), (128, 128), NONE)
    np.testing.assert_allclose(matrix, geometry.letterbox((200, 100), (128, 128)), atol=1e-9)
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(apply_colours(image, sample_colours(np.random.default_rng(0), NONE)), image)


def test_flip_probability():
    config = replace(NONE, flip=0.25)
    rng = np.random.default_rng(0)
    mirrored = [geometry.is_mirrored(sample_geometry(rng, (64, 64), (64, 64), config)) for _ in range(2000)]
    assert np.mean(mirrored) == pytest.approx(0.25, abs=0.04)


def test_no_saturation_is_grey():
    colours = sample_colours(np.random.default_rng(3), replace(NONE, saturation=1.0))
    image = np.array([[[200, 20, 40]]], dtype=np.uint8)
    before, after = np.ptp(image), np.ptp(apply_colours(image, colours).astype(int))
    assert after != before
    grey = np.full((1, 1, 3), 90, dtype=np.uint8)
    np.testing.assert_allclose(apply_colours(grey, colours), 90, atol=1)


@pytest.mark.parametrize("wrong", [{"flip": 2}, {"scale_min": 0}, {"scale_min": 2.0}, {"rotation": -1}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match="augment"):
        AugmentConfig(**wrong)
