"""Hard and soft targets of the same joints agree, whatever the augmentation and the input size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.heads.rendering import render
from distill.pose import geometry
from distill.pose.peaks import find_peaks

SIZE = (640, 427)
MAP = 160


def test_render_is_the_maximum_of_gaussians():
    points = torch.tensor([[3.2, 4.7, 1.0], [6.0, 4.5, 0.5], [3.5, 3.5, 0.8]])
    maps = render(points, torch.tensor([0, 0, 3]), (2, 2, 9, 10), 1.2)
    u, v = np.meshgrid(np.arange(10) + 0.5, np.arange(9) + 0.5)
    each = [h * np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 1.2**2)) for x, y, h in points.numpy()]
    np.testing.assert_allclose(maps[0, 0], np.maximum(each[0], each[1]), atol=0.012)
    np.testing.assert_allclose(maps[1, 1], each[2], atol=0.012)
    assert not maps[0, 1].any()
    assert not maps[1, 0].any()


def test_points_beyond_the_map_leave_only_their_tail():
    maps = render(torch.tensor([[-1.0, 4.0, 1.0], [50.0, 4.0, 1.0]]), torch.tensor([0, 1]), (1, 2, 8, 8), 1.0)
    assert 0 < maps[0, 0].max() < 0.5
    assert not maps[0, 1].any()


@pytest.mark.parametrize("input_size", [128, 256, 448])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_soft_and_hard_targets_agree(input_size, factor, mirrored):
    """The teacher's map, wide and cached as bytes, gives the target that the joints give."""
    rng = np.random.default_rng(1)
    joints = rng.uniform((150, 100), (490, 330), (17, 2))
    to_map = geometry.letterbox(SIZE, (MAP, MAP))
    cached = _draw(geometry.transform(to_map, joints), MAP, sigma=1.3)
    cached = np.round(cached * 255).astype(np.uint8).astype(np.float32) / 255
    centre = input_size / 2
    matrix = geometry.compose(
        geometry.letterbox(SIZE, (input_size, input_size)),
        geometry.flip(input_size) if mirrored else geometry.identity(),
        geometry.translation(-centre, -centre),
        geometry.rotation(20),
        geometry.scaling(factor),
        geometry.translation(centre, centre),
        geometry.scaling(1 / 4),
    )
    hard = _draw(geometry.transform(matrix, joints), input_size // 4, sigma=1.0)
    peaks = find_peaks(cached, 0.02)
    warped = geometry.transform(geometry.compose(geometry.invert(to_map), matrix), peaks[:, 1:3])
    points = torch.tensor(np.column_stack([warped, peaks[:, 3]]), dtype=torch.float32)
    shape = (1, 17, input_size // 4, input_size // 4)
    soft = render(points, torch.tensor(peaks[:, 0].astype(int)), shape, 1.0)[0].numpy()
    assert np.abs(soft - hard).max() < 0.06
    assert np.abs(soft - hard).mean() < 5e-4


def _draw(points: np.ndarray, side: int, sigma: float) -> np.ndarray:
    rows = torch.tensor(np.column_stack([points, np.ones(len(points))]), dtype=torch.float32)
    return render(rows, torch.arange(len(points)), (1, len(points), side, side), sigma)[0].numpy()


@settings(max_examples=40, deadline=None)
@given(st.floats(-45, 45), st.floats(0.6, 1.8), st.floats(-6, 6), st.booleans(), st.floats(24, 40), st.floats(24, 40))
def test_warped_map_is_the_map_of_warped_joints(degrees, factor, shift, mirrored, x, y):
    matrix = geometry.compose(
        geometry.flip(64) if mirrored else geometry.identity(),
        geometry.translation(-32, -32),
        geometry.rotation(degrees),
        geometry.scaling(factor),
        geometry.translation(32 + shift, 32 - shift),
    )
    warped = geometry.warp(_draw(np.array([[x, y]]), 64, sigma=2.5)[0], matrix, (64, 64))
    drawn = _draw(geometry.transform(matrix, np.array([[x, y]])), 64, sigma=2.5 * factor)[0]
    assert np.abs(warped - drawn).max() < 0.06
