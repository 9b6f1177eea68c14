import pytest
import torch

import teachers.higher_hrnet  # noqa: F401
from teachers.higher_hrnet import by_short_name
from teachers.registry import NETWORKS, SHORT, TEACHERS, register, register_network


@pytest.mark.parametrize("name", SHORT)
def test_every_short_name_makes_a_network_of_its_joints(name):
    network = by_short_name(name, 14)
    assert network.num_keypoints == 14
    assert network.final_layers[0].out_channels == 28
    assert network.final_layers[1].out_channels == 14
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_the_demo_fits_into_8_megabytes_in_half_precision():
    state = by_short_name("higher_hrnet_demo", 17).state_dict()
    assert sum(2 * value.numel() for value in state.values()) < 8e6


SMALL = {"width": 8, "bottlenecks": 1, "bottleneck_width": 8, "modules": (1, 1, 1), "blocks": 1}


def test_outputs_are_those_asked_for():
    make = NETWORKS["higher_hrnet"]
    assert make.default_outputs == ("heatmaps", "tags")
    images = torch.zeros(1, 3, 64, 64)
    shapes = {name: tuple(maps.shape) for name, maps in make({"heatmaps": 5, "tags": 3}, **SMALL)(images).items()}
    assert shapes == {"heatmaps_s4": (1, 5, 16, 16), "tags_s4": (1, 3, 16, 16), "heatmaps_s2": (1, 5, 32, 32)}
    assert make({"heatmaps": 5}, **SMALL)(images).keys() == {"heatmaps_s4", "heatmaps_s2"}


@pytest.mark.parametrize(
    ("outputs", "message"),
    [({"heatmaps": 5, "attention": 1}, "not attention"), ({"tags": 5}, "needs the output heatmaps")],
)
def test_outputs_it_cannot_give_are_refused(outputs, message):
    with pytest.raises(ValueError, match=message):
        NETWORKS["higher_hrnet"](outputs, **SMALL)


def test_a_name_that_another_file_has_taken_is_refused(monkeypatch):
    monkeypatch.setattr("teachers.registry.TEACHERS", {})
    monkeypatch.setattr("teachers.registry.NETWORKS", {})
    for enter in (register("mine"), register_network("mine")):
        enter(SMALL_TEACHER := lambda: None)
        enter(SMALL_TEACHER)
        with pytest.raises(ValueError, match=r"'mine' is in .*test_registry\.py and in .*random\.py"):
            enter(__import__("random").Random)
    assert "mine" not in TEACHERS
