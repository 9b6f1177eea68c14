"""Damage changes the photograph as it says, and is a function of its generator."""

import numpy as np
import pytest

from distill.data.augment import AugmentConfig
from distill.data.photometric import DAMAGE, damaged
from distill.system.errors import InputError


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_alone(image, name):
    probabilities = AugmentConfig(**{name: 1.0}).damage
    before = image.copy()
    one, again = (damaged(image, np.random.default_rng(7), probabilities) for _ in range(2))
    assert one.shape == image.shape and one.dtype == np.uint8 and (one != image).any()
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(image, before)


def test_by_default_there_is_none(image):
    assert damaged(image, np.random.default_rng(0), AugmentConfig().damage) is image


def test_grey_has_no_colour_and_a_blur_less_contrast(image):
    rng = np.random.default_rng(1)
    grey = DAMAGE["grey"](image, rng)
    assert (grey == grey[..., :1]).all()
    assert DAMAGE["blur"](image, rng).std() < image.std()


def test_compression_keeps_red_red():
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 220
    kept = DAMAGE["jpeg"](red, np.random.default_rng(0)).astype(int)
    assert np.abs(kept - red).max() < 12


def test_what_is_cut_out_is_one_rectangle_of_one_colour():
    image = np.random.default_rng(0).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    for seed in range(20):
        changed = (DAMAGE["cut_out"](image, np.random.default_rng(seed)) != image).any(-1)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        assert 8 <= np.ptp(rows) + 1 <= 30 and 14 <= np.ptp(columns) + 1 <= 60


@pytest.mark.parametrize("name", [*DAMAGE, "mosaic"])
def test_probabilities_are_checked(name):
    with pytest.raises(InputError, match=rf"augment\.{name} must lie in 0\.\.1, not 1\.5"):
        AugmentConfig(**{name: 1.5})
