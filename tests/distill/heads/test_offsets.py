"""Offsets: perfect maps cost nothing and give the persons back, by whatever joint they are found first."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.heads.offsets import Offsets
from distill.heads.rendering import render
from distill.pose.grouping import GroupingConfig
from distill.pose.offsets import BY_SIZE, MID_UNIT, SHORT_UNIT
from distill.pose.skeleton import COCO_17, Skeleton
from distill.system.errors import InputError

STRIDE, SIDE = 8, 32
HEAD = Offsets().of(COCO_17)


def perfect(persons: np.ndarray, skeleton: Skeleton = COCO_17) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps (K, S, S) and offsets of a network that knows persons (P, K, 2) in cells; the nearest one counts."""
    joints, tree = len(skeleton), skeleton.tree
    row, column = np.mgrid[:SIDE, :SIDE] + 0.5
    cells = np.stack([column, row])
    apart = ((persons.transpose(1, 0, 2)[..., None, None] - cells) ** 2).sum(2)
    owner = apart.argmin(1)
    own = np.stack([persons[owner[k], k].transpose(2, 0, 1) for k in range(joints)])
    short = (own - cells) / SHORT_UNIT
    ways = [np.stack([persons[owner[a], b].transpose(2, 0, 1) for a, b in ends]) for ends in (tree, tree[:, ::-1])]
    mid = [(way - cells) / MID_UNIT for way in ways]
    parts = (short[:, 0], short[:, 1], mid[0][:, 0], mid[0][:, 1], mid[1][:, 0], mid[1][:, 1])
    rows = np.concatenate([persons.reshape(-1, 2), np.full((persons[..., 0].size, 1), 0.9)], 1)
    channel = torch.arange(joints).repeat(len(persons))
    heatmaps = render(torch.tensor(rows, dtype=torch.float32), channel, (1, joints, SIDE, SIDE), 1.0)[0]
    return heatmaps.numpy(), np.concatenate(parts).astype(np.float32)


def some(seed: int, count: int, joints: int) -> np.ndarray:
    """Persons (P, K, 2) well apart."""
    middles = np.array([[7, 8], [24, 8], [15, 24]])[:count]
    return middles[:, None] + np.random.default_rng(seed).uniform(-5, 5, (count, joints, 2))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 3))
def test_persons_come_back(seed, count):
    persons = some(seed, count, 17)
    heatmaps, offsets = perfect(persons)
    found, scores = HEAD.persons({"heatmaps": heatmaps, "offsets": offsets}, COCO_17, GroupingConfig())
    assert len(found) == count and (np.diff(scores) <= 0).all()
    order = [int(np.abs(found[..., :2] - person).sum((1, 2)).argmin()) for person in persons]
    np.testing.assert_allclose(found[order][..., :2], persons, atol=1e-3)


def test_larger_persons_and_surer_joints_come_first():
    middles, steps = np.array([[6.0, 6.0], [22.0, 22.0]]), np.random.default_rng(3).uniform(-1, 1, (17, 2))
    small_and_large = middles[:, None] + np.array([2.0, 6.0])[:, None, None] * steps
    heatmaps, offsets = perfect(small_and_large)
    maps = {"heatmaps": heatmaps, "offsets": offsets}
    found, scores = HEAD.persons(maps, COCO_17, GroupingConfig())
    assert np.abs(found[0, :, :2] - small_and_large[1]).max() < 0.01
    assert scores[1] / scores[0] == pytest.approx((2 / 6) ** BY_SIZE, rel=0.1)
    unsure = heatmaps.copy()
    unsure[:, 14:, 14:] *= 0.5
    found, lower = HEAD.persons(maps | {"heatmaps": unsure}, COCO_17, GroupingConfig())
    assert np.abs(found[0, :, :2] - small_and_large[0]).max() < 0.01
    assert lower.tolist() == pytest.approx([scores[1], scores[0] / 2], rel=0.02)


def test_values_below_zero_beside_a_peak_give_a_score_all_the_same():
    heatmaps, offsets = perfect(some(1, 1, 17))
    heatmaps[1:] = -3.0
    found, scores = HEAD.persons({"heatmaps": heatmaps, "offsets": offsets}, COCO_17, GroupingConfig())
    assert len(found) == 1 and scores.tolist() == [0.0]


def test_a_joint_outside_of_the_map_is_missing_and_values_that_are_no_numbers_harm_nobody():
    persons = some(0, 1, 17)
    persons[0, 16] = (-3.0, 5.0)
    heatmaps, offsets = perfect(persons)
    heatmaps[2, 3, 3], offsets[5, 30, 30] = np.nan, np.inf
    found, _ = HEAD.persons({"heatmaps": heatmaps, "offsets": offsets}, COCO_17, GroupingConfig())
    assert len(found) == 1 and not found[0, 16].any() and found[0, :16, 2].all()
    nobody, scores = HEAD.persons({"heatmaps": np.zeros_like(heatmaps), "offsets": offsets}, COCO_17, GroupingConfig())
    assert nobody.shape == (0, 17, 3) and scores.shape == (0,)


def batch_of(batch, persons: np.ndarray):
    """A batch of one sample with these persons (P, K, 2), in cells."""
    pixels = torch.tensor(persons * STRIDE, dtype=torch.float32)[None]
    given = torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1)
    return dataclasses.replace(batch, images=torch.zeros(1, SIDE * STRIDE, SIDE * STRIDE, 3), persons=given)


def losses_of(maps: np.ndarray, batch) -> dict[str, float]:
    counts = {name: count.clamp(min=1) for name, count in HEAD.counts(batch, STRIDE).items()}
    found = HEAD.losses(torch.tensor(maps)[None], batch, STRIDE, 0.5, counts)
    return {name: float(loss.value) for name, loss in found.items()}


def test_perfect_maps_cost_nothing_and_others_what_they_are_wrong_by(batch):
    persons = some(1, 3, 17)
    _, offsets = perfect(persons)
    given = batch_of(batch, persons)
    exact = losses_of(offsets, given)
    assert exact["offset_short"] < 2e-3 and exact["offset_mid"] < 2e-3
    moved = offsets.copy()
    moved[:17] += 0.5 / SHORT_UNIT
    assert losses_of(moved, given)["offset_short"] == pytest.approx(0.5, rel=0.02)
    assert losses_of(moved, given)["offset_mid"] == exact["offset_mid"]
    moved = offsets.copy()
    moved[34 : 34 + 16] += 1 / MID_UNIT
    sides = np.ptp(persons, axis=1).max(1)
    assert losses_of(moved, given)["offset_mid"] == pytest.approx((1 / sides).mean() / 2, rel=0.1)


def test_missing_joints_and_joints_outside_are_not_taught(batch):
    persons = some(2, 1, 17)
    given = batch_of(batch, persons)
    given.persons[0, 0, 1:, 2] = 0
    counts = HEAD.counts(given, STRIDE)
    assert counts["offset_short"] == 1 and counts["offset_mid"] == 0
    maps = torch.zeros(1, HEAD.channels(COCO_17), SIDE, SIDE, requires_grad=True)
    ones = {name: torch.ones(()) for name in counts}
    sum(loss.value for loss in HEAD.losses(maps, given, STRIDE, 0.5, ones).values()).backward()
    taught = maps.grad[0].abs().sum((1, 2)).nonzero()[:, 0].tolist()
    assert taught == [0, 17]
    given.persons[..., 0] = -50
    assert HEAD.counts(given, STRIDE)["offset_short"] == 0


def test_nobody_costs_nothing(batch):
    given = batch_of(batch, np.zeros((0, 17, 2)))
    assert losses_of(np.zeros((HEAD.channels(COCO_17), SIDE, SIDE), np.float32), given) == {
        "offset_short": 0.0,
        "offset_mid": 0.0,
    }


def test_the_mirrored_view_agrees_with_the_photograph():
    persons = some(3, 2, 17)
    _, direct = perfect(persons)
    mirrored = persons[:, COCO_17.flip_index]
    mirrored[..., 0] = SIDE - mirrored[..., 0]
    _, seen = perfect(mirrored)
    turned_back = torch.tensor(seen[None, ..., ::-1].copy())
    both = HEAD.combined(torch.tensor(direct)[None], turned_back, torch.from_numpy(COCO_17.flip_index))
    np.testing.assert_allclose(both[0], direct, atol=1e-4)


def test_a_tree_reaches_every_joint_of_any_skeleton():
    plain = COCO_17.plain()
    for limbs in (plain["limbs"], plain["limbs"][:5], []):
        skeleton = Skeleton.from_plain(plain | {"limbs": limbs})
        tree = skeleton.tree
        assert sorted([tree[0, 0], *tree[:, 1].tolist()]) == list(range(17))
        seen = {int(tree[0, 0])}
        for parent, child in tree.tolist():
            assert parent in seen
            seen.add(child)
    alone = Skeleton("dot", ("dot",), (), (0.1,), (), ("dot",))
    assert alone.tree.shape == (0, 2)


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"mid_weight": -1.0}, {"radius": 0.5}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match=rf"outputs\.offsets\.{next(iter(wrong))} must"):
        Offsets(**wrong)
