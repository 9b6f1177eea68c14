"""Shapes, size, gate and gradients of the students."""

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from students.attention import SIZES, AttentionStudent, attention
from students.backbone import DenseBackbone
from students.necks import Neck

JOINTS = 17
OUTPUTS_OF_TWO = {"heatmaps": 2, "tags": 2, "attention": 1}


def create(size: str, joints: int = JOINTS, **options) -> AttentionStudent:
    """A student with all its outputs."""
    return attention({"heatmaps": joints, "tags": joints, "attention": 1}, size=size, **options)


@pytest.fixture(scope="module")
def student():
    torch.manual_seed(0)
    return create("xs")


def gigamacs(network: nn.Module, size: int) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size))
    return counter.get_total_flops() / 2e9


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("size", SIZES)
def test_maps_are_at_a_quarter_of_the_image(size):
    maps = create(size, 14).eval()(torch.randn(2, 3, 64, 96))
    assert {key: tuple(value.shape) for key, value in maps.items()} == {
        "heatmaps_s4": (2, 14, 16, 24),
        "tags_s4": (2, 14, 16, 24),
        "attention": (2, 1, 16, 24),
    }


@pytest.mark.parametrize(
    ("size", "side", "least", "most", "millions"),
    [
        ("xs", 256, 0.25, 0.4, 0.5),
        ("s", 256, 0.7, 1.2, 2.0),
        ("m", 448, 4.0, 5.5, 8.0),
    ],
)
def test_students_have_the_stated_size(size, side, least, most, millions):
    network = create(size)
    assert least < gigamacs(network, side) < most
    assert parameters(network) < millions * 1e6


def test_gradients_reach_every_parameter(student):
    student.train()
    maps = student(torch.randn(2, 3, 64, 64))
    # The attention's own map is left out: its branch must learn through the gate too.
    (maps["heatmaps_s4"].square().mean() + maps["tags_s4"].square().mean()).backward()
    without = [n for n, p in student.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    student.zero_grad()
    assert without == []


def test_every_output_cell_sees_the_whole_image(student):
    student.train()
    image = torch.randn(2, 3, 128, 128, requires_grad=True)
    student.eval()(image)["heatmaps_s4"][0, :, 0, 0].sum().backward()
    corners = image.grad[0, :, -8:, -8:].abs().sum()
    student.zero_grad()
    assert corners > 0


@pytest.mark.parametrize("size", SIZES)
def test_layers_are_those_that_int8_can_delegate(size):
    leaves = {type(m) for m in create(size).modules() if not list(m.children())}
    assert leaves <= {nn.Conv2d, Conv2dSame, nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.Identity}


def test_smallest_student_has_no_depthwise_convolution(student):
    assert all(m.groups == 1 for m in student.modules() if isinstance(m, nn.Conv2d))


def gated_by(gate: str, logit: float) -> torch.Tensor:
    """Features (1, 4, 16, 16) that reach the keypoint branch where the attention is `logit` everywhere."""
    torch.manual_seed(1)
    backbone = DenseBackbone(stem=4, channels=(4, 4, 4, 4), blocks=(1, 1, 1, 1))
    network = AttentionStudent(backbone, OUTPUTS_OF_TWO, Neck((4, 4, 4, 4), 4), head=4, depth=1, gate=gate).eval()
    nn.init.zeros_(network.attention[-1].weight)
    nn.init.constant_(network.attention[-1].bias, logit)
    seen = []
    network.keypoints.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    network(torch.randn(1, 3, 64, 64))
    return seen[0]


def test_gate_scales_the_features_of_the_keypoint_branch():
    plain = gated_by("one_plus_sigmoid", -50.0)
    assert plain.abs().sum() > 0
    torch.testing.assert_close(gated_by("one_plus_sigmoid", 50.0), 2 * plain)
    torch.testing.assert_close(gated_by("sigmoid", 50.0), plain)
    assert gated_by("sigmoid", -50.0).abs().max() < 1e-12
    for logit in (-50.0, 50.0):
        torch.testing.assert_close(gated_by("none", logit), plain)


def test_state_dict_says_which_gate_it_was_trained_with():
    torch.manual_seed(2)
    trained, loaded = create("xs", gate="sigmoid").eval(), create("xs").eval()
    loaded.load_state_dict(trained.state_dict())
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(trained(image)["heatmaps_s4"], loaded(image)["heatmaps_s4"])


def test_untrained_heatmaps_are_near_empty_and_tags_are_spread(student):
    with torch.no_grad():
        maps = student.train()(torch.randn(4, 3, 64, 64))
    assert maps["heatmaps_s4"].abs().max() < 0.5
    assert maps["tags_s4"].std() > 0.1


def test_unknown_gate_and_wrong_image_size_are_named(student):
    with pytest.raises(ValueError, match="gate 'tanh' is unknown"):
        create("xs", gate="tanh")
    with pytest.raises(ValueError, match="image size 100x64 must be multiples of 32"):
        student(torch.zeros(1, 3, 64, 100))


def test_outputs_are_those_asked_for():
    network = attention({"heatmaps": 5, "offsets": 10}).eval()
    maps = network(torch.zeros(1, 3, 64, 96))
    assert {key: tuple(value.shape) for key, value in maps.items()} == {
        "heatmaps_s4": (1, 5, 16, 24),
        "offsets_s4": (1, 10, 16, 24),
    }
    assert not any("attention" in key or "gate" in key for key in network.state_dict())


def test_without_attention_the_features_go_on_as_they_are():
    torch.manual_seed(0)
    network = attention({"heatmaps": 2}).eval()
    seen = []
    network.neck.register_forward_hook(lambda module, inputs, output: seen.append(output))
    network.keypoints.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(torch.randn(1, 3, 64, 64))
    assert torch.equal(*seen)


def test_options_change_the_size():
    narrow, plain, deep = (parameters(create("xs", **options)) for options in ({"width": 0.5}, {}, {"depth": 4}))
    assert narrow < plain < deep
    assert parameters(create("xs", neck=64)) > plain > parameters(create("xs", large_kernel=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "width, neck, head and depth must be positive"),
        ({"pretrained": True}, "the dense backbone has no ImageNet weights"),
        ({"size": "s", "width": 2.0}, "width is of the dense backbone"),
        ({"input_channels": 1, "colours": "hsv"}, "grey has no hsv"),
        ({"backbone": "no_such_network"}, "timm has no network 'no_such_network'"),
    ],
)
def test_options_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        attention({"heatmaps": 17}, **options)


def test_an_output_cannot_take_the_name_of_a_part():
    with pytest.raises(ValueError, match="an output of this network cannot be called 'neck'"):
        attention({"heatmaps": 17, "neck": 3})
