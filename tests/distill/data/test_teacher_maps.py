"""The teacher's whole maps in samples, batches and soft targets."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from distill.data.teacher_maps import no_maps, warp_maps
from distill.heads.heatmaps import Heatmaps
from distill.pose import geometry
from distill.pose.skeleton import COCO_17

LEFT, RIGHT = (COCO_17.joints.index(f"{side}_wrist") for side in ("left", "right"))


@pytest.fixture
def maps():
    """Maps of a photograph of 80 x 60 at two pixels a cell, with a wide peak of the left wrist at 52, 22."""
    rows, columns = np.mgrid[:30, :40] + 0.5
    peak = np.exp(-((columns - 26) ** 2 + (rows - 11) ** 2) / (2 * 3**2))
    values = np.zeros((30, 40, 17), dtype=np.uint8)
    values[..., LEFT] = np.rint(255 * 0.8 * peak)
    return values, geometry.scaling(0.5)


def centre_of(channel: np.ndarray) -> np.ndarray:
    """x, y of the mass of a map at stride 4, pixels of the input."""
    rows, columns = np.mgrid[: channel.shape[0], : channel.shape[1]] + 0.5
    mass = channel.astype(float)
    return 4 * np.array([(columns * mass).sum(), (rows * mass).sum()]) / mass.sum()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_maps_move_with_the_photograph(maps, mirrored, factor):
    size = 192, 160
    matrix = geometry.compose(
        geometry.translation(-40, -30),
        geometry.rotation(20),
        geometry.scaling((-factor if mirrored else factor, factor)),
        geometry.translation(96, 80),
    )
    warped = warp_maps(maps, matrix, size, COCO_17.flip_index)
    assert warped.shape == (40, 48, 17)
    joint = RIGHT if mirrored else LEFT
    assert [k for k in range(17) if warped[..., k].any()] == [joint]
    place = geometry.transform(matrix, np.array([52.0, 22.0]))
    np.testing.assert_allclose(centre_of(warped[..., joint]), place, atol=0.7)
    if factor >= 1:
        assert abs(warped[..., joint].max() / 255 - 0.8) < 0.15


def test_no_peak_falls_between_two_cells(maps):
    rows, columns = np.mgrid[:30, :40] + 0.5
    sharp = np.zeros_like(maps[0])
    sharp[..., LEFT] = np.rint(255 * np.exp(-((columns - 21.5) ** 2 + (rows - 13.5) ** 2) / 2))
    for factor in (0.5, 0.7, 1.0):
        for shift in np.linspace(0, 8, 9):
            matrix = geometry.compose(geometry.scaling(factor), geometry.translation(shift, shift))
            warped = warp_maps((sharp, maps[1]), matrix, (64, 64), COCO_17.flip_index)
            mass = sharp[..., LEFT].sum() * (factor / 2) ** 2
            assert abs(warped[..., LEFT].sum() - mass) < 0.2 * mass + 10


def test_targets_are_the_maps_at_every_stride(batch):
    whole = torch.zeros(2, 17, 16, 16, dtype=torch.uint8)
    whole[0, LEFT, 3:7, 8:12] = 204
    batch = replace(batch, teacher_maps=whole)
    fine, coarse = (Heatmaps().soft_targets(batch, (2, 17, side, side), 64 // side) for side in (16, 8))
    torch.testing.assert_close(fine, whole / 255)
    assert coarse.shape == (2, 17, 8, 8) and 0.5 < coarse[0, LEFT].max() <= 0.8 and not coarse[1].any()
    shown = Heatmaps().losses(fine, batch, 4, 1.0, {})["heatmap_soft_s4"]
    assert float(shown.value) == 0


def test_a_set_without_a_teacher_has_empty_ones():
    warped = warp_maps(no_maps(17, 5), geometry.scaling(3.0), (64, 64), COCO_17.flip_index)
    assert warped.shape == (16, 16, 17) and not warped.any()
