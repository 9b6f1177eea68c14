"""Centre: perfect maps cost nothing and give the persons back, photographs that nobody annotated teach softly."""

import numpy as np
import pytest
import torch

from distill.heads.centre import Centre
from distill.heads.rendering import render
from distill.pose.centres import UNIT
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

STRIDE = 4
HEAD = Centre()


def perfect(batch) -> torch.Tensor:
    """Maps of a network that knows everything."""
    centres, confidence = HEAD._centres(batch, STRIDE)
    samples, joints = len(batch.images), batch.persons.shape[2]
    y, x = torch.meshgrid(torch.arange(16) + 0.5, torch.arange(16) + 0.5, indexing="ij")
    maps = torch.zeros(samples, 1 + 2 * joints, 16, 16)
    sample = torch.arange(samples)[:, None].expand_as(confidence).flatten()
    points = torch.cat([centres, confidence[..., None]], -1).flatten(0, 1)
    maps[:, :1] = render(points, sample, (samples, 1, 16, 16), HEAD.sigma)
    for number in range(samples):
        apart = (centres[number, :, 0, None, None] - x) ** 2 + (centres[number, :, 1, None, None] - y) ** 2
        apart[confidence[number] == 0] = torch.inf
        owner = apart.argmin(0)
        targets = batch.persons[number, owner] / STRIDE
        maps[number, 1 : 1 + joints] = (targets[..., 0].permute(2, 0, 1) - x) / UNIT
        maps[number, 1 + joints :] = (targets[..., 1].permute(2, 0, 1) - y) / UNIT
    return maps


def losses(maps, batch):
    counts = {name: count.clamp(min=1) for name, count in HEAD.counts(batch, STRIDE).items()}
    return {name: loss.value for name, loss in HEAD.losses(maps, batch, STRIDE, 0.5, counts).items()}


@pytest.fixture
def apart(batch):
    """The made-up batch with persons far enough from one another that their centres' cells do not meet."""
    batch.persons[0, 0, :, :2] = batch.persons[0, 0, :, :2] / 3
    batch.persons[0, 1, :, :2] = batch.persons[0, 1, :, :2] / 3 + 40
    return batch


def test_perfect_maps_cost_nothing_and_others_do(apart):
    maps = perfect(apart)
    found = losses(maps, apart)
    assert found["centre"] < 1e-6 and found["centre_offset"] < 1e-3
    moved = maps.clone()
    moved[:, 1:18] += 1 / UNIT
    side = losses(moved, apart)["centre_offset"]
    assert 0.02 < side < 1
    silent = maps.clone()
    silent[:, 0] = 0
    assert losses(silent, apart)["centre"] > 0.1


def test_perfect_maps_give_the_persons_back(apart):
    maps = perfect(apart)
    heatmaps = torch.zeros(2, 17, 16, 16)
    for number in range(2):
        count = int((apart.persons[number, :, :, 2].sum(-1) > 0).sum())
        found, _ = HEAD.persons(
            {"heatmaps": heatmaps[number].numpy(), "centre": maps[number].numpy()}, COCO_17, GroupingConfig()
        )
        assert len(found) == count
        for person in apart.persons[number, :count].numpy():
            nearest = np.abs(found[..., :2] * STRIDE - person[:, :2]).max(axis=(1, 2)).min()
            assert nearest < 0.01


def test_mirrored_maps_say_the_same(apart):
    maps, flip_index = perfect(apart), torch.from_numpy(COCO_17.flip_index)
    mirrored = maps.clone()
    mirrored[:, 1:18], mirrored[:, 18:] = -maps[:, 1:18][:, flip_index], maps[:, 18:][:, flip_index]
    torch.testing.assert_close(HEAD.combined(maps, mirrored, flip_index), maps)
    assert HEAD.combined(maps, None, flip_index) is maps


def test_who_counts_by_confidence(apart):
    maps = perfect(apart)
    maps[0, 1:] += 0.3
    heavy = losses(maps, apart)["centre_offset"]
    apart.persons[0, :, :, 2] = 0.1
    assert losses(maps, apart)["centre_offset"] < heavy


def test_nothing_is_taught_where_nobody_knows(apart):
    maps = torch.rand(2, 35, 16, 16, requires_grad=True)
    apart.masks[0, 2] = 255
    (gradient,) = torch.autograd.grad(losses(maps, apart)["centre"], maps)
    assert not gradient[0].any() and gradient[1].any()
    apart.annotated[0], apart.masks[0, 3, :, :16] = 0, 0
    (gradient,) = torch.autograd.grad(losses(maps, apart)["centre"], maps)
    assert not gradient[0, 0, :, :8].any() and gradient[0, 0, :, 8:].any()


def test_nobody_costs_no_offsets(apart):
    apart.persons[:] = 0
    maps = torch.rand(2, 35, 16, 16, requires_grad=True)
    value = losses(maps, apart)["centre_offset"]
    (gradient,) = torch.autograd.grad(value, maps)
    assert value == 0 and torch.isfinite(gradient).all()


@pytest.mark.parametrize("options", [{"weight": -1}, {"offset_weight": -1}, {"sigma": 0}, {"foreground": -1}])
def test_values_out_of_range_are_named(options):
    with pytest.raises(InputError, match=f"outputs.centre.{next(iter(options))}"):
        Centre(**options)
