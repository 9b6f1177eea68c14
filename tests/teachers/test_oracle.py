import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.heads.maps import average_resolutions
from teachers.contract import Surroundings
from teachers.inference import InferenceConfig, NetworkTeacher
from teachers.oracle import Oracle

FLIP_INDEX = np.array([0, 2, 1])
"Nose, left eye, right eye."


def looked_at(persons, size, **config):
    """Maps of one black photograph of (width, height), whose persons (P, 3, 3) the oracle is told."""
    settings = InferenceConfig(input_size=128, **config)
    oracle = Oracle(3, target_offset=settings.target_offset)
    photograph = np.zeros((1, size[1], size[0], 3), np.uint8)
    cpu = torch.device("cpu")
    given = Surroundings(("a", "b", "c"), FLIP_INDEX, cpu, torch.float32, None, average_resolutions, np.ones(3), None)
    return NetworkTeacher(oracle, settings, given)(photograph, [np.asarray(persons, np.float32)])


def centre_of_mass(heatmap):
    """Sub-cell place (2,) of a lone Gaussian, map coordinates."""
    values = heatmap.double().numpy()
    rows, columns = np.indices(values.shape) + 0.5
    return np.array([(columns * values).sum(), (rows * values).sum()]) / values.sum()


def cells(maps, points):
    return points @ maps.to_map[:, :2].T + maps.to_map[:, 2]


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("offset", [0.0, 0.5])
@given(
    width=st.integers(61, 180),
    height=st.integers(61, 180),
    fractions=st.lists(st.floats(0.4, 0.6), min_size=6, max_size=6),
)
@settings(max_examples=5, deadline=None)
def test_peaks_lie_where_to_map_puts_the_joints(flip, offset, width, height, fractions):
    points = np.reshape(fractions, (3, 2)) * (width, height)
    person = np.column_stack([points, np.full(3, 2.0)])
    maps = looked_at([person], (width, height), flip=flip, target_offset=offset)
    peaks = np.array([centre_of_mass(heatmap) for heatmap in maps.heatmaps[0]])
    np.testing.assert_allclose(peaks, cells(maps, points), atol=0.02)


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("project", [True, False])
@pytest.mark.parametrize(("scales", "within"), [((1.0,), 0.5), ((0.5, 1.0, 2.0), 0.75)])
def test_highest_cells_are_within_half_a_cell(flip, project, scales, within):
    points = np.array([(40.2, 31.7), (66.9, 50.1), (23.4, 70.6)])
    person = np.column_stack([points, np.full(3, 1.0)])
    maps = looked_at([person], (97, 101), flip=flip, project=project, scales=scales, target_offset=0.0)
    width = maps.heatmaps.shape[-1]
    highest = maps.heatmaps[0].flatten(1).argmax(dim=1).numpy()
    centres = np.column_stack([highest % width, highest // width]) + 0.5
    # Where scales are averaged, their Gaussians lie a fraction of a cell apart.
    assert np.abs(centres - cells(maps, points)).max() <= within
    assert maps.heatmaps.amax(dim=(2, 3)).min() > 0.8


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_every_view_is_a_gaussian_where_its_own_matrix_puts_the_joints(flip, offset):
    points = np.array([(48.2, 51.7), (51.9, 47.1), (45.4, 50.6)])
    person = np.column_stack([points, np.full(3, 2.0)])
    maps = looked_at([person], (97, 101), flip=flip, scales=(1.0, 2.0), target_offset=offset)
    assert len(maps.views) == 2 * 2 * (1 + flip)
    for view in maps.views:
        peaks = np.array([centre_of_mass(heatmap) for heatmap in view.heatmaps[0]])
        np.testing.assert_allclose(peaks, cells(view, points), atol=0.02)


def test_gaussians_are_exact():
    """Amplitude 1 at the joint and two cells of standard deviation at either resolution."""
    images = torch.zeros(1, 3, 64, 96)
    x, y = 41.3, 22.9
    maps = Oracle(1)(images, [np.array([[[x, y, 2.0]]])])
    for stride in (4, 2):
        rows = (torch.arange(64 // stride) + 0.5)[:, None] - y / stride
        columns = (torch.arange(96 // stride) + 0.5)[None] - x / stride
        expected = torch.exp(-(rows**2 + columns**2) / (2 * 2.0**2))
        torch.testing.assert_close(maps[f"heatmaps_s{stride}"][0, 0], expected, atol=1e-5, rtol=1e-4)


def test_persons_have_tags_far_apart_and_the_same_in_the_mirror():
    points = np.array([(30.0, 40.0), (90.0, 40.0), (60.0, 90.0)])
    persons = [np.tile([*point, 2.0], (3, 1)) for point in points]
    maps = looked_at(persons, (121, 119), flip=True, target_offset=0.0)
    at = np.floor(cells(maps, points)).astype(int)
    tags = maps.tags[0, :, at[:, 1], at[:, 0]].numpy()  # (K, P, T)
    np.testing.assert_allclose(tags, np.broadcast_to(tags[:1, :, :1], tags.shape), atol=1e-5)
    apart = np.abs(tags[0, :, None, 0] - tags[0, None, :, 0])
    assert apart[~np.eye(3, dtype=bool)].min() > 1.5


def test_left_and_right_keep_their_channels_in_the_mirror():
    left, right = (30.0, 60.0), (90.0, 60.0)
    person = [(60.0, 20.0, 2.0), (*left, 2.0), (*right, 2.0)]
    maps = looked_at([person], (120, 120), flip=True, target_offset=0.0)
    np.testing.assert_allclose(centre_of_mass(maps.heatmaps[0, 1]), cells(maps, np.array(left)), atol=0.05)
    np.testing.assert_allclose(centre_of_mass(maps.heatmaps[0, 2]), cells(maps, np.array(right)), atol=0.05)
    assert maps.heatmaps[0].amax(dim=(1, 2)).min() > 0.9  # both passes agree on the place


def test_where_two_joints_are_near_the_nearer_one_has_the_cell():
    images = torch.zeros(1, 3, 64, 64)
    maps = Oracle(1)(images, [np.array([[[20.0, 32.0, 2.0]], [[36.0, 32.0, 2.0]]])])
    tags = maps["tags_s4"][0, 0]
    assert (tags[:, :7] == tags[8, 0]).all()
    assert (tags[:, 7:] == tags[8, 15]).all()
    assert tags[8, 0] != tags[8, 15]


def test_unlabelled_joints_and_empty_photographs_leave_no_peak():
    images = torch.zeros(2, 3, 64, 64)
    unlabelled = np.array([[[20.0, 20.0, 0.0], [30.0, 30.0, 1.0]]])
    maps = Oracle(2)(images, [unlabelled, np.zeros((0, 2, 3))])
    for name in ("heatmaps_s4", "heatmaps_s2"):
        assert maps[name].isfinite().all()
        assert maps[name][0, 0].max() == 0
        assert maps[name][0, 1].max() > 0.9
        assert maps[name][1].max() == 0
    assert maps["tags_s4"].isfinite().all()
    assert maps["tags_s4"].shape == (2, 2, 16, 16)
