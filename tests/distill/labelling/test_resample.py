import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.labelling.resample import photograph_box, resample
from distill.pose import geometry


def gaussians(points, size, sigma):
    """(1, P, h, w): one map a point, in map coordinates."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    squared = (x - points[:, :1, None]) ** 2 + (y - points[:, 1:, None]) ** 2
    return torch.from_numpy(np.exp(-squared / (2 * sigma**2))[None]).float()


def centroid(maps):
    """(P, 2) centre of mass of maps (P, h, w)."""
    maps = maps.double().numpy()
    x, y = np.arange(maps.shape[2]) + 0.5, np.arange(maps.shape[1]) + 0.5
    total = maps.sum((1, 2))
    return np.stack([(maps.sum(1) * x).sum(1), (maps.sum(2) * y).sum(1)], axis=1) / total[:, None]


def test_identity_changes_nothing():
    maps = torch.rand(2, 3, 20, 30)
    result = resample(maps, geometry.identity(), (30, 20), (0, 0, 30, 20))
    np.testing.assert_allclose(result, maps, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(60, 1000), st.integers(60, 1000), st.sampled_from([64, 160]), st.floats(0.3, 1.2))
def test_peaks_stay_where_the_photograph_has_them(width, height, size, network_scale):
    """From a photograph through any network's map onto the store's grid, as in the teacher pass."""
    network = geometry.compose(geometry.scaling(network_scale * 256 / max(width, height)), geometry.translation(3, 1.5))
    to_map = geometry.letterbox((width, height), (size, size))
    matrix = geometry.compose(geometry.invert(network), to_map)
    joints = np.array([[0.3, 0.4], [0.5, 0.5], [0.62, 0.7]]) * (width, height)
    maps = gaussians(geometry.transform(network, joints), (320, 320), 2.0)
    box = photograph_box((width, height), to_map)
    result = resample(maps, matrix, (size, size), box)[0]
    wanted = geometry.transform(to_map, joints)
    margin = 4 * 2.0 * matrix[0, 0] + 1
    whole = ((wanted > np.array(box[:2]) + margin) & (wanted < np.array(box[2:]) - margin)).all(axis=1)
    assert np.abs(centroid(result)[whole] - wanted[whole]).max(initial=0) < 0.1


@pytest.mark.parametrize("scale", [0.2, 0.4, 0.625, 1.0, 1.6])
def test_no_peak_is_lost_when_shrinking(scale):
    points = np.random.default_rng(0).uniform(20, 180, (50, 2))
    matrix = geometry.scaling(scale)
    size = (round(200 * scale),) * 2
    result = resample(gaussians(points, (200, 200), 2.0), matrix, size, (0, 0, *size))[0]
    assert result.amax((1, 2)).min() > (0.8 if scale > 0.5 else 0.25)
    assert result.max() <= 1


def test_outside_of_the_photograph_is_zero_and_its_border_is_not_dimmed():
    to_map = geometry.letterbox((80, 40), (16, 16))
    box = photograph_box((80, 40), to_map)
    assert box == (0, 4, 16, 12)
    maps = torch.ones(1, 1, 8, 16)
    result = resample(maps, geometry.translation(0, 4), (16, 16), box)[0, 0]
    assert torch.all(result[4:12] == 1)
    assert not result[:4].any()
    assert not result[12:].any()


def test_values_are_clamped():
    maps = torch.tensor([-0.5, 0.5, 1.5]).view(1, 1, 1, 3)
    assert resample(maps, geometry.identity(), (3, 1), (0, 0, 3, 1)).ravel().tolist() == [0, 0.5, 1]


def test_turning_is_refused():
    with pytest.raises(ValueError, match="not turned"):
        resample(torch.zeros(1, 1, 4, 4), geometry.rotation(10), (4, 4), (0, 0, 4, 4))
