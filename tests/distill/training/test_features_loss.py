"""Feature distillation: what a 1 x 1 convolution could make of the student's layer costs nothing."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from distill.networks.checkpoint import load_network
from distill.system.errors import InputError
from distill.training.losses.features import features, unexplained
from distill.training.losses.teacher import seen_by
from distill.training.objective import LossConfig
from distill.training.trainer import Trainer

LAYERS = {"student_layer": "neck", "teacher_layer": "deconv_layers.0"}


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), channels=st.integers(1, 6), wanted=st.integers(1, 6))
def test_what_a_linear_map_and_a_shift_can_make_is_explained(seed, channels, wanted):
    torch.manual_seed(seed)
    mine = torch.randn(400, channels)
    theirs = mine @ torch.randn(channels, wanted) + torch.randn(wanted)
    assert unexplained(mine, theirs) < 1e-4
    assert unexplained(mine, torch.randn(400, wanted)) > 0.9
    assert unexplained(torch.zeros(400, channels), theirs) == pytest.approx(1)


def test_the_gradient_is_that_of_the_whole_minimum():
    torch.manual_seed(0)
    mine, theirs = torch.randn(50, 3, dtype=torch.float64), torch.randn(50, 2, dtype=torch.float64)
    mine.requires_grad_()
    (slope,) = torch.autograd.grad(unexplained(mine, theirs), mine)
    for row, column in ((0, 0), (7, 2), (31, 1)):
        step = torch.zeros_like(mine)
        step[row, column] = 1e-4
        change = (unexplained(mine + step, theirs) - unexplained(mine - step, theirs)) / 2e-4
        # The ridge, which the value leaves out, is what little they differ by.
        assert slope[row, column].item() == pytest.approx(change.item(), abs=2e-5)


def test_the_teachers_own_features_mixed_anew_cost_next_to_nothing(seen, weights):
    network, _ = load_network(weights)
    found = []
    network.get_submodule(LAYERS["teacher_layer"]).register_forward_hook(lambda module, args, out: found.append(out))
    with torch.no_grad():
        network(seen_by(seen, 1.0))
    channels = found[0].shape[1]
    mixed = functional.conv2d(found[0], torch.randn(channels, channels, 1, 1), torch.randn(channels)).requires_grad_()
    assert features({"neck": mixed}, seen, weights=weights, **LAYERS) < 0.05
    other = torch.randn_like(mixed).requires_grad_()
    loss = features({"neck": other}, seen, weights=weights, **LAYERS)
    assert 0.3 < loss <= 1
    loss.backward()
    assert other.grad.abs().sum() > 0


def test_a_training_learns_from_it_the_same_every_time(quiet, weights, losses_of):
    loss = LossConfig(alpha=0.0, terms={"features": {"weight": 2.0, "weights": str(weights), **LAYERS}})
    config = dataclasses.replace(quiet, loss=loss, steps=4)
    Trainer(config).run()
    whole = losses_of(config.out, "features")
    assert set(whole) == {1, 2, 3, 4} and all(0 < value <= 1 for value in whole.values())
    again = dataclasses.replace(config, out=config.out / "again")
    Trainer(again).run()
    assert losses_of(again.out, "features") == whole


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            {"student_layer": "nose"},
            "student_layer names 'nose', which this network has not; choose from backbone, neck",
        ),
        (
            {"student_layer": "neck.nose"},
            "student_layer names 'neck.nose', which this network has not; choose from neck.",
        ),
        (
            {"teacher_layer": "stage4.nose"},
            "teacher_layer names 'stage4.nose', which this network has not; choose from stage4",
        ),
        ({"teacher_layer": "stage4"}, "layer stage4 gives no maps"),
        ({"student_layer": "neck.laterals"}, "layer neck.laterals gives no maps"),
    ],
)
def test_unknown_layers_are_named_with_those_there_are(quiet, weights, layers, message):
    loss = LossConfig(terms={"features": {"weights": str(weights), **LAYERS, **layers}}, alpha=0.0)
    with pytest.raises(InputError, match=message):
        Trainer(dataclasses.replace(quiet, loss=loss, steps=1)).run()


def test_a_layer_that_gives_no_maps_is_refused(seen, weights):
    with pytest.raises(InputError, match="layer neck gives no maps"):
        features({"neck": torch.zeros(2, 8)}, seen, weights=weights, **LAYERS)
