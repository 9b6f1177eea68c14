"""The teacher in the loop: a student that says what the teacher says of the crop pays nothing."""

import dataclasses

import pytest
import torch

from distill.data.normalise import normalise
from distill.heads.maps import at_finest
from distill.networks.checkpoint import load_network
from distill.system.errors import InputError
from distill.training.losses.teacher import teacher
from distill.training.objective import LossConfig
from distill.training.trainer import Trainer


def test_the_teachers_own_maps_cost_nothing(seen, weights):
    network, _ = load_network(weights)
    with torch.no_grad():
        found = at_finest(network(normalise(seen.images)))["heatmaps"]
    assert found.shape[-1] == 32
    assert teacher({"heatmaps_s2": found}, seen, weights=weights) < 1e-10
    moved = (found + 1).requires_grad_()
    loss = teacher({"heatmaps_s2": moved, "tags_s2": found}, seen, weights=weights)
    assert loss.item() == pytest.approx(32 * 32 / (2 * torch.pi), rel=1e-5)
    loss.backward()
    assert moved.grad.abs().sum() > 0


def test_the_teacher_may_look_closer(seen, weights):
    maps = torch.zeros(2, 17, 16, 16)
    plain, closer = (teacher({"heatmaps_s4": maps}, seen, weights=weights, enlarge=e) for e in (1.0, 2.0))
    assert plain > 0 and closer > 0 and plain != closer


def test_a_training_learns_from_it_without_a_store(quiet, weights, losses_of):
    loss = LossConfig(alpha=0.0, terms={"teacher": {"weight": 0.5, "weights": str(weights)}})
    Trainer(dataclasses.replace(quiet, loss=loss, steps=2)).run()
    found = losses_of(quiet.out, "teacher")
    assert set(found) == {1, 2} and min(found.values()) > 0


def test_a_teacher_of_other_joints_and_a_student_without_heatmaps_are_refused(seen, weights):
    with pytest.raises(InputError, match="has 17 joints, the student 3"):
        teacher({"heatmaps_s4": torch.zeros(2, 3, 16, 16)}, seen, weights=weights)
    with pytest.raises(InputError, match="needs a student with heatmaps"):
        teacher({"tags_s4": torch.zeros(2, 17, 16, 16)}, seen, weights=weights)


def test_a_student_of_logits_learns_from_it_by_its_heatmaps(quiet, weights, losses_of):
    """What further losses see is what the heads say of the maps: heatmaps of 0.01 are as near as empty ones."""
    for kind in ("squared", "focal"):
        outputs, out = {"heatmaps": {"loss": kind}}, quiet.out / kind
        loss = LossConfig(alpha=0.0, terms={"teacher": {"weight": 0.5, "weights": str(weights)}})
        Trainer(dataclasses.replace(quiet, loss=loss, outputs=outputs, out=out, steps=1)).run()
        # Of logits of -4.6, taken for heatmaps, it would be hundreds.
        assert 0 < losses_of(out, "teacher")[1] < 0.5
