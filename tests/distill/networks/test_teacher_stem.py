"""The student on the teacher's stem: what each of its three forms is made of, and what imitating costs."""

import pytest
import torch

from distill.networks.checkpoint import load_network
from distill.networks.teacher_stem import TEACHER, Stem, TeacherStem

OUTPUTS = {"heatmaps": 5, "tags": 5}


def test_the_teachers_stem_is_the_teachers():
    network, _ = load_network(TEACHER)
    student = TeacherStem(OUTPUTS, stem="teacher").eval()
    image = torch.randn(1, 3, 64, 96)
    seen = []
    network.layer1.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        network(image)
        torch.testing.assert_close(student.teacher(image), seen[0])
        maps = student(image)
    assert {key: tuple(value.shape) for key, value in maps.items()} == {
        "heatmaps_s4": (1, 5, 16, 24),
        "tags_s4": (1, 5, 16, 24),
    }


def test_its_own_stem_stands_alone_and_is_smaller():
    own, teachers = (TeacherStem(OUTPUTS, stem=stem) for stem in ("own", "teacher"))
    sizes = [sum(p.numel() for p in stem.parameters()) for stem in (own.own, teachers.teacher)]
    assert sizes[0] < 0.6 * sizes[1] and own.teacher is None
    assert own.detector.state_dict().keys() == teachers.detector.state_dict().keys()


def test_imitation_costs_what_the_stems_differ_by():
    both = TeacherStem(OUTPUTS | {"stem": 128}, stem="both").eval()
    image = torch.randn(2, 3, 64, 64)
    maps = both(image)["stem_s4"]
    torch.testing.assert_close(maps, both.own(image) - both.teacher(image))
    loss = Stem().losses(maps, None, 4, 0.5, {})["stem"].value
    torch.testing.assert_close(loss, maps.square().mean())
    both.own = both.teacher
    assert not both(image)["stem_s4"].any()


def test_an_output_that_compares_needs_both():
    with pytest.raises(ValueError, match="the output stem compares two stems; set stem to both"):
        TeacherStem(OUTPUTS | {"stem": 128}, stem="own")
