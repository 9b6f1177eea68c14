import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from teachers.resize import continuous, official_resize

SIDES = st.integers(32, 1500)
SCALES = st.sampled_from([(1.0, 1.0), (0.5, 0.5), (1.0, 0.5), (2.0, 0.5)])


def applied(matrix, points):
    return np.asarray(points, float) @ matrix[:, :2].T + matrix[:, 2]


def inverse(matrix):
    return np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2]


def test_official_sizes_and_matrices_are_reproduced(shared):
    rows = json.loads((shared / "golden" / "official_resize.json").read_text())
    assert len(rows) > 100
    for row in rows:
        photograph = (row["width"], row["height"])
        size, matrix = official_resize(photograph, row["input_size"], row["scale"], row["min_scale"])
        assert size == (row["resized_width"], row["resized_height"]), row
        # The official matrices went through float32.
        np.testing.assert_allclose(matrix, row["image_to_input"], rtol=1e-6, atol=2e-4, err_msg=str(row))
        np.testing.assert_allclose(inverse(matrix), row["input_to_image"], rtol=1e-6, atol=2e-4, err_msg=str(row))


@given(SIDES, SIDES, st.sampled_from([64, 128, 500, 512, 640]), SCALES)
def test_there_and_back_is_where_one_was(width, height, input_size, scales):
    _, matrix = official_resize((width, height), input_size, *scales)
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height), (width / 3, height / 7)])
    for there in (matrix, continuous(matrix)):
        np.testing.assert_allclose(applied(inverse(there), applied(there, corners)), corners, atol=1e-7)


@given(SIDES, SIDES, st.sampled_from([64, 128, 500, 512, 640]), SCALES)
def test_the_photograph_fills_the_input_on_its_short_side(width, height, input_size, scales):
    (input_width, input_height), matrix = official_resize((width, height), input_size, *scales)
    factor = matrix[0, 0]
    assert matrix[1, 1] == factor
    assert matrix[0, 1] == matrix[1, 0] == 0
    assert input_width % 32 == input_height % 32 == 0
    assert np.isclose(min(input_width, input_height), factor * min(width, height))
    drawn = applied(matrix, [(0, 0), (width, height)])
    # The photograph's centre is taken as a whole pixel, and less than a pixel too much on the long side is cut.
    rounding = factor * 0.5 + 0.5 * scales[0] / scales[1] + 1e-6
    assert drawn.min() >= -rounding
    assert (drawn[1] <= np.array([input_width, input_height]) + rounding).all()


@given(SIDES, SIDES)
def test_scales_are_multiples_of_one_another(width, height):
    half, one, double = (official_resize((width, height), 512, scale, 0.5) for scale in (0.5, 1.0, 2.0))
    assert double[0] == tuple(2 * side for side in one[0]) == tuple(4 * side for side in half[0])
    np.testing.assert_allclose(double[1], 2 * one[1], atol=1e-9)
    np.testing.assert_allclose(one[1], 2 * half[1], atol=1e-9)


def test_continuous_coordinates_are_half_a_pixel_from_pixel_indices():
    matrix = np.array([[2.0, 0.0, 3.0], [0.0, 2.0, -1.0]])
    points = np.array([(0.5, 0.5), (7.0, 2.25)])
    np.testing.assert_allclose(applied(continuous(matrix), points), applied(matrix, points - 0.5) + 0.5)


def test_any_scale_gives_sides_the_network_can_take():
    for scale in (0.7, 0.8, 1.0, 1.3):
        size, matrix = official_resize((641, 480), 512, scale, 0.7)
        assert size[0] % 32 == size[1] % 32 == 0
        np.testing.assert_allclose(matrix[0, 0], size[1] / 480)
