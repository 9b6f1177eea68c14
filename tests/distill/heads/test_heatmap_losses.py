"""Each loss of heatmaps: least at its targets, silent where cells do not count, and what the head makes of it."""

import pytest
import torch

from distill.heads.heatmap_losses import BY_NAME, EMPTY, probability
from distill.heads.heatmaps import Heatmaps
from distill.heads.maps import activated
from distill.system.errors import InputError

SHAPE = (2, 17, 16, 16)
PEAK = 2 * torch.pi


def given(name: str, heatmaps: torch.Tensor) -> torch.Tensor:
    """What a network gives whose heatmaps are these."""
    return heatmaps if name == "squared" else torch.logit(heatmaps.clamp(1e-4, 1 - 1e-4)) + EMPTY


@pytest.mark.parametrize("name", BY_NAME)
def test_a_loss_is_least_at_its_target_and_falls_towards_it(batch, name):
    target, cells = Heatmaps().hard_targets(batch, SHAPE, 4), torch.ones(SHAPE)
    steps = [given(name, target * share) for share in (0.0, 0.5, 0.9, 1.0)]
    values = torch.stack([BY_NAME[name](maps, target, cells, PEAK, 2.0) for maps in steps])
    assert values.shape == (4, 2, 17)
    taught = target.amax((2, 3)) > 0
    assert (values.diff(dim=0)[:, taught] < 0).all()
    more = BY_NAME[name](given(name, (target + 0.2).clamp(max=1)), target, cells, PEAK, 2.0)
    assert (more[taught] > values[-1][taught]).all()


@pytest.mark.parametrize("name", BY_NAME)
def test_cells_without_weight_do_not_count(batch, name):
    target, cells = Heatmaps().hard_targets(batch, SHAPE, 4), torch.ones(SHAPE)
    cells[..., 8:] = 0
    maps = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    before = BY_NAME[name](maps, target, cells, PEAK, 2.0)
    maps[..., 8:] += 3
    assert torch.equal(BY_NAME[name](maps, target, cells, PEAK, 2.0), before)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_that_starts_at_zero_starts_with_empty_heatmaps(batch, name):
    head = Heatmaps(loss=name)
    maps = activated({"heatmaps_s4": torch.zeros(SHAPE)}, {"heatmaps": head})["heatmaps_s4"]
    assert maps.max() < 0.02
    values = head.losses(torch.zeros(SHAPE), batch, 4, 0.5, {})
    assert all(0 < loss.value < 12 for loss in values.values())


def test_focal_of_gamma_0_is_cross_entropy_and_more_gamma_looks_at_what_is_wrong():
    maps = torch.tensor([-2.0, 0.0, 6.0, 9.0]).view(1, 1, 2, 2)
    target, cells = torch.tensor([0.0, 0.0, 1.0, 0.0]).view(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    plain = BY_NAME["cross_entropy"](maps, target, cells, PEAK, 0.0)
    torch.testing.assert_close(BY_NAME["focal"](maps, target, cells, PEAK, 0.0), plain)
    expected = -(1 - target) * torch.log(1 - probability(maps)) - target * torch.log(probability(maps))
    torch.testing.assert_close(plain[0, 0], expected.sum() / PEAK)
    apart = (probability(maps) - target).abs()
    torch.testing.assert_close(
        BY_NAME["focal"](maps, target, cells, PEAK, 2.0)[0, 0], (expected * apart**2).sum() / PEAK
    )


def test_the_hardest_joints_alone(batch):
    maps = torch.zeros(SHAPE)
    maps[:, 3] += 1
    maps[:, 5] += 2
    by_map = BY_NAME["squared"](maps, Heatmaps().hard_targets(batch, SHAPE, 4), torch.ones(SHAPE), PEAK, 2.0)
    (loss,) = Heatmaps(hardest=2).losses(maps, batch, 4, 0.0, {}).values()
    torch.testing.assert_close(loss.value, by_map[:, [3, 5]].mean())
    (all_of_them,) = Heatmaps(hardest=40).losses(maps, batch, 4, 0.0, {}).values()
    torch.testing.assert_close(all_of_them.value, by_map.mean())


@pytest.mark.parametrize("wrong", [{"gamma": -1.0}, {"hardest": -1}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match=rf"outputs\.heatmaps\.{next(iter(wrong))} must not be negative, not -1"):
        Heatmaps(**wrong)
