"""What every student keeps to: outputs by name, any joints, rectangular inputs, gradients everywhere."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

from students.colours import ColourSpace
from students.hourglass import HourglassStudent
from students.necks import ContextAwareModule, ContextNeck, Neck
from students.registry import NETWORKS, load
from students.transfer import TransferStudent
from students.unet import UNetStudent

load()
STUDENTS = {
    "attention": {"large_kernel": True, "gate": "none"},
    "context": {"squeeze": True},
    "centre": {},
    "hourglass": {"stacks": 2},
    "unet": {},
    "transfer": {"backbone": "mobilenetv3_small_100", "head": 16},
    "posenet": {},
}
"Every student with options that its tests elsewhere do not have."
STRIDE = {"posenet": 8}


def made(name: str, outputs: dict[str, int] | None = None, **options) -> nn.Module:
    torch.manual_seed(0)
    channels = dict.fromkeys(NETWORKS[name].default_outputs, 5) if outputs is None else outputs
    channels |= {"attention": 1} if "attention" in channels else {}
    return NETWORKS[name](channels, **options)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_all_students_are_tested():
    assert {name for name, make in NETWORKS.items() if make.__module__.startswith("students.")} == STUDENTS.keys()


@pytest.mark.parametrize("name", STUDENTS)
def test_outputs_are_those_asked_for_at_any_size(name):
    outputs = {"heatmaps": 6, "others": 3}
    network = made(name, outputs, **STUDENTS[name]).eval()
    stride = STRIDE.get(name, 4)
    with torch.no_grad():
        maps = network(torch.randn(2, 3, 64, 96))
    assert {key: tuple(value.shape) for key, value in maps.items()} == {
        f"{output}_s{stride}": (2, channels, 64 // stride, 96 // stride) for output, channels in outputs.items()
    }
    with pytest.raises(ValueError, match=r"image size 100x64 must be multiples of 32"):
        network(torch.zeros(1, 3, 64, 100))


@pytest.mark.parametrize("name", STUDENTS)
def test_gradients_reach_every_parameter(name):
    network = made(name, **STUDENTS[name]).train()
    maps = network(torch.randn(2, 3, 64, 64))
    sum(value.square().mean() for value in maps.values()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", STUDENTS)
def test_heatmaps_start_near_empty(name):
    network = made(name, **STUDENTS[name]).train()
    with torch.no_grad():
        maps = network(torch.randn(4, 3, 64, 64))
    (heatmaps,) = (value for key, value in maps.items() if key.startswith("heatmaps_s") and "@" not in key)
    assert heatmaps.abs().max() < 0.6


def test_earlier_stacks_speak_only_while_they_learn():
    network = made("hourglass", {"heatmaps": 4}, stacks=3)
    image = torch.randn(1, 3, 64, 64)
    assert list(network.train()(image)) == ["heatmaps_s4@1", "heatmaps_s4@2", "heatmaps_s4"]
    assert list(network.eval()(image)) == ["heatmaps_s4"]


def test_dropout_is_of_learning_alone():
    network = made("hourglass", {"heatmaps": 4}, dropout=0.5).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network(image)["heatmaps_s4"], network(image)["heatmaps_s4"])


def test_the_unet_fits_into_two_megabytes():
    outputs = {"heatmaps": 17, "tags": 17}
    assert 4 * parameters(UNetStudent(outputs)) < 2e6
    assert UNetStudent(outputs, output_stride=2).eval()(torch.zeros(1, 3, 64, 64))["tags_s2"].shape[-1] == 32


def test_context_looks_far_around():
    """A context-aware module sees ten cells in every direction, the sum of its dilations, and its shortcut one."""
    module = ContextAwareModule(8, squeeze=False).eval()
    for parameter in module.parameters():
        parameter.data.abs_()
    x = torch.rand(1, 8, 41, 41, requires_grad=True)
    module(x)[0, :, 20, 20].sum().backward()
    seen = (x.grad[0].abs().sum(0) > 0).nonzero()
    assert seen.min() == 20 - 10 and seen.max() == 20 + 10


def test_squeezing_looks_at_the_whole_map():
    module = ContextAwareModule(8, squeeze=True).eval()
    x = torch.randn(1, 8, 41, 41, requires_grad=True)
    module(x)[0, :, 20, 20].sum().backward()
    assert (x.grad[0, :, 0, 0] != 0).any()


def test_necks_end_at_the_finest_map():
    features = [torch.randn(1, c, 64 // s, 96 // s) for c, s in zip((8, 12, 16, 20), (4, 8, 16, 32), strict=True)]
    for neck in (Neck((8, 12, 16, 20), 16), Neck((8, 12, 16, 20), 16, True), ContextNeck((8, 12, 16, 20), 16)):
        assert neck(features).shape == (1, 16, 16, 24)
        assert neck.width == 16


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hourglass", {"stacks": 5}, "stacks must be 1 to 4, not 5"),
        ("hourglass", {"width": 0}, "width must be positive"),
        ("hourglass", {"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ("unet", {"output_stride": 8}, "output_stride must be 2 or 4, not 8"),
        ("unet", {"width": 0.0}, "width must be positive"),
        ("context", {"neck": 30}, "neck a multiple of 4, not 30"),
        ("transfer", {"head": 0}, "head must be positive"),
        ("transfer", {"backbone": "no_such_network"}, "timm has no network 'no_such_network'"),
        ("posenet", {"depth": -1}, "width and neck must be positive, and depth not negative"),
    ],
)
def test_options_that_do_not_fit_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        made(name, **options)


@pytest.mark.parametrize(
    "backbone", ["mobilenetv2_100", "mobilenetv3_small_100", "mobilenetv3_large_100", "mobilenetv4_conv_small"]
)
def test_any_backbone_of_timm_can_be_carried_over(backbone):
    with torch.no_grad():
        maps = TransferStudent({"heatmaps": 3}, backbone=backbone, head=8).eval()(torch.zeros(1, 3, 64, 64))
    assert maps["heatmaps_s4"].shape == (1, 3, 16, 16)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_colours_are_those_of_opencv(seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.float32) / 255
    rgb[0] = rgb[0, :, :1]
    normalised = torch.from_numpy(((rgb - IMAGENET_DEFAULT_MEAN) / IMAGENET_DEFAULT_STD).astype(np.float32))
    image = normalised.permute(2, 0, 1)[None]
    hsv, lab = (ColourSpace(colours)(image)[0].permute(1, 2, 0).numpy() for colours in ("hsv", "lab"))
    expected = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV) / (360, 1, 1) * 2 - 1
    apart = np.abs(hsv - expected)
    apart[..., 0] = np.minimum(apart[..., 0], 2 - apart[..., 0])
    grey = np.ptp(rgb, axis=2) < 0.01
    assert apart[~grey].max() < 1e-3 and apart[grey][:, 1:].max() < 1e-3
    expected = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) / (50, 110, 110) - (1, 0, 0)
    assert np.abs(lab - expected).max() < 0.02


def test_a_student_sees_the_colours_it_asks_for():
    image = torch.randn(1, 3, 64, 64)
    plain, hsv = (made("attention", colours=colours).eval() for colours in ("rgb", "hsv"))
    assert plain.state_dict().keys() == hsv.state_dict().keys()
    seen = []
    hsv.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        hsv(image)
    torch.testing.assert_close(seen[0], ColourSpace("hsv")(image))


def test_the_stacks_are_the_ones_asked_for():
    outputs = {"heatmaps": 17}
    sizes = [parameters(HourglassStudent(outputs, stacks=stacks)) for stacks in range(1, 5)]
    assert np.diff(sizes).min() > 0 and len(set(np.diff(sizes))) == 1
