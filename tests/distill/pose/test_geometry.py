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
