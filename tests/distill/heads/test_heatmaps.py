"""Heatmaps: what their losses are at known maps, where they do not count, and targets at the border."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.data.keypoint_set import KeypointSet
from distill.data.loader import collate
from distill.data.samples import Annotated, make_sample
from distill.data.source import DataSource
from distill.heads.batch import Batch
from distill.heads.heatmaps import Heatmaps
from distill.heads.tags import Tags
from distill.pose import geometry
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

SHAPE = (2, 17, 16, 16)


def losses_of(maps, batch, head=None, stride=4, alpha=0.25):
    losses = (head or Heatmaps()).losses(maps, batch, stride, alpha, {})
    return {name: loss.value for name, loss in losses.items()}


def test_maps_equal_to_their_targets_cost_nothing(batch):
    hard = losses_of(Heatmaps().hard_targets(batch, SHAPE, 4), batch)
    soft = losses_of(Heatmaps().soft_targets(batch, SHAPE, 4), batch)
    assert hard["heatmap_hard_s4"] == soft["heatmap_soft_s4"] == 0
    assert hard["heatmap_soft_s4"] > 0


@pytest.mark.parametrize(("stride", "sigma"), [(2, 2.0), (4, 1.0), (4, 1.5)])
def test_a_missing_peak_costs_half_a_unit_at_any_size(batch, stride, sigma):
    key, side = f"heatmaps_s{stride}", 64 // stride
    lonely = Batch(**{name: value[:1] for name, value in vars(batch).items()})
    lonely.peaks = torch.tensor([[0, 0, 30.0, 30.0, 1.0, 4.0]])
    loss = losses_of(torch.zeros(1, 1, side, side), lonely, Heatmaps(sigma={key: sigma}), stride, alpha=1.0)
    assert loss[f"heatmap_soft_s{stride}"] == pytest.approx(0.5, abs=0.02)


def test_ignored_cells_do_not_count_for_hard_labels(batch, maps):
    batch.masks[:, 2, :16] = 255
    maps = maps["heatmaps_s4"]
    before = losses_of(maps, batch)
    maps[:, :, :8] += 5
    after = losses_of(maps, batch)
    assert before["heatmap_hard_s4"] == after["heatmap_hard_s4"]
    assert before["heatmap_soft_s4"] < after["heatmap_soft_s4"]


def test_soft_labels_count_only_inside_the_photograph(batch, maps):
    batch.masks[:, 3, :, 16:] = 0
    maps = maps["heatmaps_s4"]
    before = losses_of(maps, batch)["heatmap_soft_s4"]
    maps[..., 8:] += 5
    assert losses_of(maps, batch)["heatmap_soft_s4"] == before


def test_joints_that_nobody_annotated_do_not_count_for_hard_labels(batch, maps):
    batch.annotated[1, 4] = 0
    maps = maps["heatmaps_s4"].requires_grad_()
    losses_of(maps, batch, alpha=0.0)["heatmap_hard_s4"].backward()
    assert not maps.grad[1, 4].any()
    assert maps.grad[0, 4].any() and maps.grad[1, 3].any()
    losses_of(maps, batch, alpha=1.0)["heatmap_soft_s4"].backward()
    assert maps.grad[1, 4].any()


def test_shares_are_those_of_alpha(batch, maps):
    losses = Heatmaps().losses(maps["heatmaps_s4"], batch, 4, 0.25, {})
    assert {name: loss.weight for name, loss in losses.items()} == {"heatmap_hard_s4": 0.75, "heatmap_soft_s4": 0.25}


@pytest.fixture
def disputed(batch):
    """A batch in which human and teacher put the first sample's nose apart, and nobody annotated the second sample."""
    batch.annotated[1], batch.masks[1, 2] = 0, 255
    batch.joints = torch.tensor([[0, 0, 20.0, 20.0]])
    batch.peaks = torch.tensor([[0, 0, 40.0, 40.0, 0.8, 4.0], [1, 0, 30.0, 30.0, 0.8, 4.0]])
    return batch


def best_of(batch, rule):
    """The maps (2, 17, 16, 16) at which a rule's losses are least, found by descent."""
    maps = torch.full(SHAPE, 0.2, requires_grad=True)
    optimizer = torch.optim.LBFGS([maps], max_iter=60, line_search_fn="strong_wolfe")

    def total():
        optimizer.zero_grad()
        losses = Heatmaps(disagreement=rule).losses(maps, batch, 4, 0.5, {})
        value = sum(loss.weight * loss.value for loss in losses.values()) * 100
        value.backward()
        return value

    optimizer.step(total)
    return maps.detach()


@pytest.mark.parametrize(
    ("rule", "at_human", "at_teacher"),
    [("blend", 0.5, 0.4), ("human", 1.0, 0.0), ("maximum", 1.0, 0.8), ("confidence", 0.6, 0.32)],
)
def test_where_human_and_teacher_disagree_the_rule_decides(disputed, rule, at_human, at_teacher):
    """By the maps that are learnt; where nobody annotated it is the teacher's word by any rule."""
    human, teacher = (Heatmaps().hard_targets(disputed, SHAPE, 4), Heatmaps().soft_targets(disputed, SHAPE, 4))
    maps = best_of(disputed, rule)
    assert maps[0, 0, 5, 5] == pytest.approx(at_human * human[0, 0, 5, 5].item(), abs=0.01)
    assert maps[0, 0, 10, 10] == pytest.approx(at_teacher * teacher[0, 0, 10, 10].item() / 0.8, abs=0.01)
    torch.testing.assert_close(maps[1], teacher[1], atol=0.01, rtol=0)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_rule_changes_nothing_where_one_of_them_is_silent(disputed, maps, alpha):
    each = [losses_of(maps["heatmaps_s4"], disputed, Heatmaps(disagreement=r), alpha=alpha) for r in ("blend", "human")]
    assert each[0] == each[1]


def test_foreground_weighs_cells_by_their_target(batch):
    peaked = Heatmaps(foreground=5.0)
    target = peaked.hard_targets(batch, SHAPE, 4)
    plain, weighted = (losses_of(torch.zeros(SHAPE), batch, head, alpha=0.0) for head in (Heatmaps(), peaked))
    expected = (target**2 * (1 + 5 * target)).sum() / (target**2).sum()
    torch.testing.assert_close(weighted["heatmap_hard_s4"] / plain["heatmap_hard_s4"], expected)


@pytest.mark.parametrize("wrong", [{"sigma": {"heat": 1.0}}, {"sigma": 0.0}, {"foreground": -1.0}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match=r"outputs\.heatmaps"):
        Heatmaps(**wrong)


def at_point(x: float, y: float, size: tuple[int, int], data: KeypointSet) -> Batch:
    """One sample of a photograph as large as the input, with the nose annotated, and seen, at a point."""
    width, height = size
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 0] = (x, y, 2)
    annotated = Annotated(
        photograph=np.zeros((height, width, 3), np.uint8),
        masks=np.full((height, width, 4), (0, 0, 0, 255), np.uint8),
        keypoints=keypoints,
        joints_annotated=np.ones(17, dtype=bool),
        is_annotated=True,
        peaks=np.array([[0, x, y, 1.0, 4.0]], np.float32),
    )
    return collate([make_sample(1, annotated, geometry.identity(), size, data)])


@pytest.fixture(scope="module")
def data(tiny_synthetic):
    return KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)


sizes = st.sampled_from([(64, 64), (96, 64), (64, 128)])


@settings(max_examples=80, deadline=None)
@given(size=sizes, across=st.floats(-40, 40), along=st.floats(0, 1), edge=st.integers(0, 3), sigma=st.floats(0.6, 2.0))
def test_at_the_border_hard_and_soft_targets_are_one(data, size, across, along, edge, sigma):
    """A joint near any of the four edges, inside or outside, leaves what its Gaussian has inside."""
    width, height = size
    x, y = (
        (across + (width if edge == 1 else 0), along * height)
        if edge < 2
        else (along * width, across + (height if edge == 3 else 0))
    )
    batch, head = at_point(x, y, size, data), Heatmaps(sigma=sigma)
    shape = (1, 17, height // 4, width // 4)
    hard, soft = head.hard_targets(batch, shape, 4), head.soft_targets(batch, shape, 4)
    torch.testing.assert_close(hard, soft)
    u, v = torch.meshgrid(torch.arange(shape[3]) + 0.5, torch.arange(shape[2]) + 0.5, indexing="xy")
    whole = torch.exp(-((u - x / 4) ** 2 + (v - y / 4) ** 2) / (2 * sigma**2))
    # The drawing ends at three widths.
    torch.testing.assert_close(hard[0, 0], whole.float(), rtol=0, atol=0.0112)
    assert not hard[0, 1:].any()


@settings(max_examples=40, deadline=None)
@given(size=sizes, x=st.floats(-20, 150, width=32), y=st.floats(-20, 150, width=32))
def test_tags_ask_only_for_joints_inside(data, size, x, y):
    batch = at_point(x, y, size, data)
    is_inside = 0 <= x < size[0] and 0 <= y < size[1]
    assert Tags().counts(batch, 4)["tag_pull"] == is_inside


def test_one_cell_outside_is_learnt(data):
    batch = at_point(-2.0, 30.0, (64, 64), data)
    target = Heatmaps().hard_targets(batch, (1, 17, 16, 16), 4)
    assert target[0, 0].max() == pytest.approx(np.exp(-((0.5 + 0.5) ** 2) / 2), rel=0.05)
    batch.peaks = batch.peaks[:0]
    assert losses_of(torch.zeros(1, 17, 16, 16), batch, alpha=0.0)["heatmap_hard_s4"] > 0.005


def test_soft_targets_may_be_higher_than_the_teacher_is_sure(batch):
    shape = (2, 17, 16, 16)
    plain, doubled = (Heatmaps(soft_gain=gain).soft_targets(batch, shape, 4) for gain in (1.0, 2.0))
    for sample, joint, confidence in ((0, 3, 0.7), (1, 5, 0.9)):
        torch.testing.assert_close(doubled[sample, joint], plain[sample, joint] / confidence)
    half = Heatmaps(soft_gain=0.5).soft_targets(batch, shape, 4)
    torch.testing.assert_close(half, plain / 2)
    whole = replace(batch, teacher_maps=(plain * 255).round().to(torch.uint8))
    torch.testing.assert_close(Heatmaps(soft_gain=0.5).soft_targets(whole, shape, 4), plain / 2, atol=0.002, rtol=0)
    hard = Heatmaps(soft_gain=2.0).hard_targets(batch, shape, 4)
    torch.testing.assert_close(hard, Heatmaps().hard_targets(batch, shape, 4))
    with pytest.raises(InputError, match=r"outputs\.heatmaps\.soft_gain must be positive, not 0"):
        Heatmaps(soft_gain=0)
