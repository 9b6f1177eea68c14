"""Every network by name and options, with the keys that losses, decoding and export read."""

import pytest
import torch

import students.registry
from distill.heads.registry import HEADS
from distill.networks.registry import NETWORKS, create, heads_of, plain, strides_of
from distill.pose.skeleton import AI_CHALLENGER_14, COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError


@pytest.mark.parametrize("name", ["attention_xs", "attention_s", "higher_hrnet_demo"])
def test_outputs_are_named_by_stride(new_network, name):
    outputs = new_network(name, AI_CHALLENGER_14).eval()(torch.zeros(1, 3, 64, 96))
    for key, maps in outputs.items():
        if key == "attention":
            assert maps.shape == (1, 1, 16, 24)
            continue
        stride = int(key.partition("_s")[2])
        assert maps.shape == (1, 14, 64 // stride, 96 // stride)
    assert {"heatmaps_s4", "tags_s4"} <= set(outputs)


@pytest.mark.parametrize(
    ("short", "choice"),
    [
        ("attention_xs", Choice("attention")),
        ("attention_s", Choice("attention", {"size": "s"})),
        ("higher_hrnet_demo", Choice("higher_hrnet", NETWORKS.expanded(Choice("higher_hrnet_demo")).options)),
        (Choice("attention_xs", {"width": 0.5}), Choice("attention", {"size": "xs", "width": 0.5})),
    ],
)
def test_short_name_and_options_are_the_same_network(new_network, short, choice):
    made = []
    for each in (short, choice):
        torch.manual_seed(0)
        made.append(new_network(each).state_dict())
    assert made[0].keys() == made[1].keys()
    assert all(torch.equal(made[0][key], made[1][key]) for key in made[0])


def test_published_teachers_have_short_names():
    assert plain(Choice("higher_hrnet_w32")) == {"name": "higher_hrnet", "width": 32}
    assert plain(Choice("higher_hrnet_w48")) == {"name": "higher_hrnet", "width": 48}


def test_options_go_over_those_of_a_short_name():
    expanded = NETWORKS.expanded(Choice("attention_s", {"depth": 1, "size": "xs"}))
    assert expanded == Choice("attention", {"size": "xs", "depth": 1})
    assert NETWORKS.short_name(Choice("attention", {"size": "s"})) == "attention_s"
    assert NETWORKS.short_name(Choice("attention", {"size": "s", "depth": 1})) == "attention"


def test_grey_input_takes_rgb_and_sees_its_mean(new_network):
    network = new_network(Choice("attention_xs", {"input_channels": 1})).eval()
    images = torch.randn(1, 3, 64, 64)
    grey = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(network(images)["heatmaps_s4"], network(grey)["heatmaps_s4"])
    assert network.state_dict()["backbone.stem.0.weight"].shape[1] == 1


def test_strides_are_those_of_the_maps_and_leave_the_network_as_it_was(new_network):
    choice = Choice("higher_hrnet_demo")
    heads, network = heads_of(choice, {}), new_network(choice).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert strides_of(network, heads, COCO_17) == {"heatmaps_s4": 4, "tags_s4": 4, "heatmaps_s2": 2}
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    with pytest.raises(InputError, match="gives no output attention, only heatmaps_s4, tags_s4, heatmaps_s2"):
        strides_of(network, heads_of(choice, {"attention": {}}), COCO_17)
    with pytest.raises(InputError, match="heatmaps_s4 has 17 channels instead of 14"):
        strides_of(network, heads, AI_CHALLENGER_14)


@pytest.mark.parametrize(
    ("choice", "outputs", "message"),
    [
        ("attention_xl", {}, r"attention_xl.*attention_m.*higher_hrnet_w48"),
        (Choice("attention", {"gate": "tanh"}), {}, "model attention: .*gate"),
        (Choice("attention", {"colour": 1}), {}, "model attention has no option 'colour'; its options are size"),
        (Choice("attention", {"depth": 0}), {}, "model attention: width, neck, head and depth must be positive"),
        (Choice("attention", {"pretrained": True}), {}, "the dense backbone has no ImageNet weights"),
        (Choice("higher_hrnet_demo", {"pretrained": True}), {}, "higher_hrnet has no option 'pretrained'"),
        ("higher_hrnet_demo", {"attention": {}}, "higher_hrnet gives heatmaps and tags, not attention"),
        ("higher_hrnet_demo", {"heatmaps": False}, "higher_hrnet needs the output heatmaps"),
    ],
)
def test_what_does_not_fit_is_named(choice, outputs, message):
    choice = Choice.of(choice)
    with pytest.raises(InputError, match=message):
        create(choice, heads_of(choice, outputs), COCO_17)


def made_of(outputs):
    """A network that gives these maps, channels and cells a side by key, for 64 pixels."""

    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(1))

        def forward(self, images):
            return {key: torch.zeros(1, channels, side, side) for key, (channels, side) in outputs.items()}

    return Fixed()


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ({"tags_s4": (17, 16)}, "gives no output heatmaps"),
        ({"heatmaps_s4": (16, 16)}, "heatmaps_s4 has 16 channels instead of 17"),
        ({"heatmaps_s4": (17, 16), "depth_s4": (1, 16)}, "an output depth_s4 that nobody asked for"),
        ({"heatmaps_s1": (17, 64)}, "its stride must be a multiple of 2"),
        ({"heatmaps_s3": (17, 21)}, "its stride must be a multiple of 2"),
    ],
)
def test_outputs_that_do_not_fit_are_told_before_a_training(outputs, complaint):
    with pytest.raises(InputError, match=complaint):
        strides_of(made_of(outputs), {"heatmaps": HEADS.get("heatmaps")()}, COCO_17)


def test_a_student_may_not_take_the_name_of_a_teachers_network(monkeypatch):
    NETWORKS.names()
    monkeypatch.setitem(students.registry.NETWORKS, "higher_hrnet", students.registry.NETWORKS["attention"])
    with pytest.raises(InputError, match="a student and a teacher's network are both called 'higher_hrnet'"):
        NETWORKS.names()
