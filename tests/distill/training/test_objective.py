"""The losses of all outputs and further ones, put together."""

import pytest
import torch

from distill.heads.heatmaps import Heatmaps
from distill.heads.registry import make_heads
from distill.heads.tags import Tags
from distill.system.errors import InputError
from distill.training.losses.registry import LOSSES
from distill.training.objective import LossConfig, Objective, total

OUTPUTS = ("heatmaps", "tags", "attention")
STRIDES = {"heatmaps_s4": 4, "heatmaps_s2": 2, "tags_s4": 4, "attention": 4}


def losses_of(batch, outputs, strides=STRIDES, options=None, **config):
    objective = Objective(make_heads(OUTPUTS, options or {}), strides, LossConfig(**config))
    counts = {name: count.clamp(min=1) for name, count in objective.counts([batch]).items()}
    return objective.losses(outputs, batch, counts)


@LOSSES.register("test_mean_height")
def mean_height(outputs, batch, *, power: float = 1.0) -> torch.Tensor:
    """Mean of the heatmaps to a power.

    Args:
        outputs: maps by key.
        batch: not looked at.
        power: of each cell.
    """
    return (outputs["heatmaps_s4"] ** power).mean()


def test_names_and_sum(batch, maps):
    losses = losses_of(batch, maps, alpha=0.25)
    assert set(losses) == {
        *("heatmap_hard_s4", "heatmap_soft_s4", "heatmap_hard_s2", "heatmap_soft_s2"),
        *("attention", "tag_pull", "tag_push"),
    }
    value = {name: loss.value for name, loss in losses.items()}
    expected = (
        0.75 * (value["heatmap_hard_s4"] + value["heatmap_hard_s2"])
        + 0.25 * (value["heatmap_soft_s4"] + value["heatmap_soft_s2"])
        + 0.1 * (value["attention"] + value["tag_pull"] + value["tag_push"])
    )
    torch.testing.assert_close(total(losses), expected)


@pytest.mark.parametrize(("alpha", "absent"), [(0.0, "soft"), (1.0, "hard")])
def test_labels_without_a_share_are_not_drawn(batch, maps, alpha, absent):
    assert not any(absent in name for name in losses_of(batch, maps, alpha=alpha))


def test_outputs_that_are_left_out_are_not_asked_for(batch, maps):
    options = {"tags": False, "attention": False}
    strides = {"heatmaps_s4": 4}
    losses = losses_of(batch, {"heatmaps_s4": maps["heatmaps_s4"]}, strides, options, alpha=0.5)
    assert set(losses) == {"heatmap_hard_s4", "heatmap_soft_s4"}


def test_weights_are_the_heads_own(batch, maps):
    options = {"tags": {"pull": 0.5, "push": 0.25}, "attention": {"weight": 0.0}}
    losses = losses_of(batch, maps, options=options)
    weights = {name: loss.weight for name, loss in losses.items()}
    assert (weights["tag_pull"], weights["tag_push"], weights["attention"]) == (0.5, 0.25, 0.0)


def test_a_further_loss_by_name_with_weight_and_options(batch, maps):
    losses = losses_of(batch, maps, terms={"test_mean_height": {"weight": 0.5, "power": 2.0}})
    height = losses["test_mean_height"]
    torch.testing.assert_close(height.value, (maps["heatmaps_s4"] ** 2).mean())
    assert height.weight == 0.5
    assert losses_of(batch, maps, terms={"test_mean_height": {}})["test_mean_height"].weight == 1.0


def test_counts_are_added_up_over_the_parts_of_a_step(batch):
    objective = Objective(make_heads(OUTPUTS, {}), STRIDES, LossConfig())
    once, thrice = objective.counts([batch]), objective.counts([batch] * 3)
    assert {name: value.item() * 3 for name, value in once.items()} == {n: v.item() for n, v in thrice.items()}
    assert once["tag_pull"] == 3 and once["tag_push"] == 1 and once["attention"] == 2 * 16 * 16


def test_gradients_are_finite(batch, maps):
    outputs = {key: value.requires_grad_() for key, value in maps.items()}
    total(losses_of(batch, outputs, alpha=0.25)).backward()
    for value in outputs.values():
        assert torch.isfinite(value.grad).all()
        assert value.grad.any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 1.5}, "loss.alpha must lie in 0..1"),
        ({"alpha": float("nan")}, "loss.alpha must lie in 0..1"),
        ({"terms": {"test_mean_height": 0.5}}, "loss.terms.test_mean_height must be a weight and options"),
        ({"terms": {"test_mean_height": {"weight": "much"}}}, "loss.terms.test_mean_height must be a weight"),
    ],
)
def test_wrong_values_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        LossConfig(**wrong)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"absent": {}}, "loss 'absent' is unknown"),
        ({"test_mean_height": {"colour": 1}}, "loss test_mean_height has no option 'colour'; its options are power"),
    ],
)
def test_unknown_further_losses_are_named(terms, message):
    with pytest.raises(InputError, match=message):
        Objective({}, {}, LossConfig(terms=terms))


def test_two_losses_of_one_name_are_refused(batch):
    heads = {"tags": Tags()}
    objective = Objective(heads, {"tags_s4": 4, "tags_s2": 2}, LossConfig(alpha=0.0))
    with pytest.raises(InputError, match="two losses are called tag_pu"):
        objective.counts([batch])


def test_a_sigma_of_an_output_that_is_not_there_is_refused():
    with pytest.raises(
        InputError, match=r"outputs\.heatmaps\.sigma names heatmaps_s22; this network gives heatmaps_s4"
    ):
        Objective({"heatmaps": Heatmaps(sigma={"heatmaps_s22": 1.5})}, {"heatmaps_s4": 4}, LossConfig(alpha=0.0))


def test_the_share_of_the_soft_labels_moves_with_the_steps(batch, maps):
    objective = Objective(make_heads(OUTPUTS, {}), STRIDES, LossConfig(alpha=0.8, alpha_end=0.2))
    counts = {name: count.clamp(min=1) for name, count in objective.counts([batch]).items()}
    shares = [objective.losses(maps, batch, counts, done)["heatmap_soft_s4"].weight for done in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.8, 0.5, 0.2])
    assert LossConfig(alpha=0.0, alpha_end=0.1).needs_soft_labels
    assert not LossConfig(alpha=0.0, alpha_end=0.0).needs_soft_labels
    with pytest.raises(InputError, match=r"loss\.alpha_end must lie in 0\.\.1, not 2"):
        LossConfig(alpha_end=2.0)


def test_maps_of_earlier_stages_have_losses_of_their_own(batch, maps):
    strides = {"heatmaps_s4": 4, "tags_s4": 4}
    last = {key: maps[key] for key in strides}
    earlier = {"heatmaps_s4@1": maps["heatmaps_s4"] + 1}
    plain = losses_of(batch, last, strides, {"attention": False}, alpha=0.0)
    staged = losses_of(batch, earlier | last, strides, {"attention": False}, alpha=0.0)
    assert staged.keys() - plain.keys() == {"heatmap_hard_s4_stage1"}
    assert staged["heatmap_hard_s4_stage1"].value > staged["heatmap_hard_s4"].value == plain["heatmap_hard_s4"].value
