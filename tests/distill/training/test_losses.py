"""Losses: what they are at known maps, and where they do not count."""

from dataclasses import replace

import pytest
import torch

from distill.heads.batch import Batch
from distill.system.errors import InputError
from distill.training.losses import LossConfig, compute_losses, hard_targets, soft_targets, tag_losses, total_loss

CONFIG = LossConfig(alpha=0.25)


@pytest.fixture
def batch():
    """Two samples of 64 x 64 pixels: two persons in the first, one in the second; a teacher's peak each."""
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.cat([torch.rand(2, 2, 17, 2, generator=generator) * 60, torch.full((2, 2, 17, 1), 2.0)], -1)
    keypoints[1, 1] = 0
    masks = torch.zeros(2, 4, 32, 32, dtype=torch.uint8)
    masks[:, 3] = 255
    peaks = torch.tensor([[0, 3, 20.0, 24.0, 0.7], [1, 5, 40.0, 12.0, 0.9]])
    return Batch(torch.arange(2), torch.zeros(2, 64, 64, 3, dtype=torch.uint8), masks, keypoints, peaks)


def outputs_of(batch, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {
        "heatmaps_s4": torch.rand(2, 17, 16, 16, generator=generator),
        "heatmaps_s2": torch.rand(2, 17, 32, 32, generator=generator),
        "tags_s4": torch.randn(2, 17, 16, 16, generator=generator),
        "attention": torch.randn(2, 1, 16, 16, generator=generator),
    }


def test_names_and_sum(batch):
    losses = compute_losses(outputs_of(batch), batch, CONFIG)
    assert set(losses) == {
        *("heatmap_hard_s4", "heatmap_soft_s4", "heatmap_hard_s2", "heatmap_soft_s2"),
        *("attention", "tag_pull", "tag_push"),
    }
    expected = (
        0.75 * (losses["heatmap_hard_s4"] + losses["heatmap_hard_s2"])
        + 0.25 * (losses["heatmap_soft_s4"] + losses["heatmap_soft_s2"])
        + 0.1 * (losses["attention"] + losses["tag_pull"] + losses["tag_push"])
    )
    torch.testing.assert_close(total_loss(losses, CONFIG), expected)


@pytest.mark.parametrize(("alpha", "absent"), [(0.0, "soft"), (1.0, "hard")])
def test_labels_without_a_share_are_not_drawn(batch, alpha, absent):
    assert not any(absent in name for name in compute_losses(outputs_of(batch), batch, replace(CONFIG, alpha=alpha)))


def test_maps_equal_to_their_targets_cost_nothing(batch):
    shape = (2, 17, 16, 16)
    hard = compute_losses({"heatmaps_s4": hard_targets(batch, shape, 4, 1.0)}, batch, CONFIG)
    soft = compute_losses({"heatmaps_s4": soft_targets(batch, shape, 4, 1.0)}, batch, CONFIG)
    assert hard["heatmap_hard_s4"] == soft["heatmap_soft_s4"] == 0
    assert hard["heatmap_soft_s4"] > 0


@pytest.mark.parametrize(("stride", "sigma"), [(2, 2.0), (4, 1.0), (4, 1.5)])
def test_a_missing_peak_costs_half_a_unit_at_any_size(batch, stride, sigma):
    key, side = f"heatmaps_s{stride}", 64 // stride
    lonely = Batch(**{name: value[:1] for name, value in vars(batch).items()})
    lonely.peaks = torch.tensor([[0, 0, 30.0, 30.0, 1.0]])
    config = LossConfig(alpha=1.0, sigma={key: sigma})
    loss = compute_losses({key: torch.zeros(1, 1, side, side)}, lonely, config)
    assert loss[f"heatmap_soft_s{stride}"] == pytest.approx(0.5, abs=0.02)


def test_ignored_cells_do_not_count_for_hard_labels(batch):
    batch.masks[:, 2, :16] = 255
    maps = outputs_of(batch)["heatmaps_s4"]
    before = compute_losses({"heatmaps_s4": maps}, batch, CONFIG)
    maps[:, :, :8] += 5
    after = compute_losses({"heatmaps_s4": maps}, batch, CONFIG)
    assert before["heatmap_hard_s4"] == after["heatmap_hard_s4"]
    assert before["heatmap_soft_s4"] < after["heatmap_soft_s4"]


def test_soft_labels_count_only_inside_the_photograph(batch):
    batch.masks[:, 3, :, 16:] = 0
    maps = outputs_of(batch)["heatmaps_s4"]
    before = compute_losses({"heatmaps_s4": maps}, batch, CONFIG)["heatmap_soft_s4"]
    maps[..., 8:] += 5
    assert compute_losses({"heatmaps_s4": maps}, batch, CONFIG)["heatmap_soft_s4"] == before


def test_attention_is_not_supervised_where_the_outline_is_unknown(batch):
    batch.masks[:, 1, :, :16] = 255
    logits = outputs_of(batch)["attention"]
    before = compute_losses({"attention": logits}, batch, CONFIG)["attention"]
    logits[..., :8] = 50
    assert compute_losses({"attention": logits}, batch, CONFIG)["attention"] == before
    logits[..., 8:] = 50
    assert compute_losses({"attention": logits}, batch, CONFIG)["attention"] > before


def test_tags_alike_within_and_far_between_persons_cost_nothing():
    keypoints = torch.zeros(1, 2, 17, 3)
    keypoints[0, 0] = torch.tensor([2.5, 3.5, 2.0])
    keypoints[0, 1] = torch.tensor([9.5, 8.5, 1.0])
    tags = torch.zeros(1, 17, 12, 12)
    tags[..., 8, 9] = 10.0
    pull, push = tag_losses(tags, keypoints)
    assert pull == 0
    assert push < 1e-6
    tags[..., 8, 9] = 0.0
    assert tag_losses(tags, keypoints)[1] == 1.0
    tags[:, :5, 3, 2] = 1.0
    assert tag_losses(tags, keypoints)[0] > 0.05


def test_a_batch_without_persons_costs_no_tags():
    pull, push = tag_losses(torch.randn(2, 17, 8, 8, requires_grad=True), torch.zeros(2, 1, 17, 3))
    assert pull == push == 0


def test_gradients_are_finite(batch):
    outputs = {key: value.requires_grad_() for key, value in outputs_of(batch).items()}
    total_loss(compute_losses(outputs, batch, CONFIG), CONFIG).backward()
    for value in outputs.values():
        assert torch.isfinite(value.grad).all()
        assert value.grad.any()


@pytest.mark.parametrize("wrong", [{"alpha": 1.5}, {"attention": -1}, {"sigma": {"heat": 1.0}}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match="loss"):
        LossConfig(**wrong)
