"""One meaning of coordinates: points, pixels and matrices move together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.pose import geometry

matrices = st.builds(
    lambda degrees, factor, x, y, mirrored: geometry.compose(
        geometry.flip(64) if mirrored else geometry.identity(),
        geometry.rotation(degrees),
        geometry.scaling(factor),
        geometry.translation(x, y),
    ),
    st.floats(-180, 180),
    st.floats(0.2, 5),
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.booleans(),
)
points = st.tuples(st.floats(-500, 500), st.floats(-500, 500)).map(np.array)


@given(matrices, points)
def test_inverse_undoes(matrix, point):
    there = geometry.transform(matrix, point)
    np.testing.assert_allclose(geometry.transform(geometry.invert(matrix), there), point, atol=1e-6)


@given(matrices, matrices, points)
def test_composition_applies_from_left_to_right(first, second, point):
    one_by_one = geometry.transform(second, geometry.transform(first, point))
    np.testing.assert_allclose(geometry.transform(geometry.compose(first, second), point), one_by_one, atol=1e-6)


@given(matrices, points)
def test_opencv_counts_from_pixel_centres(matrix, point):
    there = geometry.transform(geometry.to_opencv(matrix), point - 0.5) + 0.5
    np.testing.assert_allclose(there, geometry.transform(matrix, point), atol=1e-6)


@given(matrices)
def test_mirroring_is_read_off_the_matrix(matrix):
    linear = matrix[:, :2]
    assert geometry.is_mirrored(matrix) == (linear[0, 0] * linear[1, 1] < linear[0, 1] * linear[1, 0])


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(32, 512))
def test_letterbox_centres_and_touches_two_sides(width, height, side):
    corners = geometry.transform(
        geometry.letterbox((width, height), (side, side)), np.array([[0, 0], [width, height]], dtype=float)
    )
    np.testing.assert_allclose(corners.sum(0), (side, side), atol=1e-6)
    assert corners.min() == pytest.approx(0, abs=1e-6)


def test_flip_of_pixels_is_numpy_flip():
    image = np.random.default_rng(0).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(geometry.warp(image, geometry.flip(8), (8, 5)), image[:, ::-1])


def test_enlarging_keeps_a_pixel_where_its_centre_goes():
    image = np.zeros((8, 8), dtype=np.float32)
    image[3, 5] = 1
    large = geometry.warp(image, geometry.scaling(4), (32, 32))
    row, column = (np.arange(32)[:, None] + 0.5) * large, (np.arange(32)[None] + 0.5) * large
    np.testing.assert_allclose((column.sum() / large.sum(), row.sum() / large.sum()), (5.5 * 4, 3.5 * 4), atol=1e-3)


def test_outside_is_filled():
    image = np.full((4, 4, 3), 255, dtype=np.uint8)
    moved = geometry.warp(image, geometry.translation(4, 0), (8, 4), fill=(1, 2, 3))
    assert (moved[:, :3] == (1, 2, 3)).all()
    assert (moved[:, 4:] == 255).all()


def spread_of_noise(factor):
    """Standard deviation of what is left of noise in an image that is made smaller by a factor."""
    noise = np.random.default_rng(0).integers(0, 256, (640, 960, 3), dtype=np.uint8)
    size = int(960 * factor), int(640 * factor)
    return geometry.warp(noise, geometry.letterbox((960, 640), size), size).std()


def test_much_larger_images_are_averaged_and_others_only_sampled():
    """Noise of 74 levels: four pixels' weighted mean leaves about half, a mean of sixteen a quarter and less."""
    assert spread_of_noise(0.3) > 25
    assert spread_of_noise(0.125) < 20
    assert spread_of_noise(0.05) < 10


@pytest.mark.parametrize("shape", [(3000, 4000), (3001, 4001), (6120, 8160)])
def test_what_is_averaged_stays_where_it_was(shape):
    """A soft spot lies where the matrix puts it, to a hundredth of a pixel."""
    height, width = shape
    across, down = (np.exp(-((np.arange(n) + 0.5 - c) ** 2) / 2 / 300**2) for n, c in ((width, 2000), (height, 1400)))
    image = np.repeat(np.rint(250 * np.outer(down, across)).astype(np.uint8)[..., None], 3, axis=-1)
    matrix = geometry.letterbox((width, height), (256, 192))
    small = geometry.warp(image, matrix, (256, 192), fill=0)[..., 0].astype(float)
    y, x = np.mgrid[:192, :256] + 0.5
    centre = [(small * axis).sum() / small.sum() for axis in (x, y)]
    np.testing.assert_allclose(centre, geometry.transform(matrix, np.array([2000.0, 1400.0])), atol=0.01)


@pytest.mark.parametrize("shape", [(2000, 1), (1, 2000), (2000, 3)])
def test_thin_images_end(shape):
    assert geometry.warp(np.full((*shape, 3), 9, np.uint8), geometry.scaling(0.01), (8, 8)).shape == (8, 8, 3)
