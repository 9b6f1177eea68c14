"""A bitmap's bytes go straight into the first convolution, and nothing changes, not even at the border."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mobile.errors import ExportError
from mobile.export import Exporter
from mobile.pixels import fold_normalisation, of_bytes, with_alpha
from mobile.quantise import PRECISIONS, Quantisation
from mobile.runtime import LiteRTModel, interpreter
from students.attention import attention

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OF_THREE = {"heatmaps": 3, "tags": 3, "attention": 1}


@pytest.fixture(scope="module")
def models(exported, photographs, tmp_path_factory):
    """Function from a precision and what the model takes to the model."""
    folder = tmp_path_factory.mktemp("pixels")
    exporters = {
        pixels: Exporter(exported.network, photographs=photographs, pixels=pixels, **exported.settings)
        for pixels in ("rgb", "rgba")
    }

    @cache
    def write(precision: str, pixels: str) -> LiteRTModel:
        path = folder / f"{precision}_{pixels}.tflite"
        exporters[pixels].write(path, Quantisation(precision), photographs)
        return LiteRTModel(path)

    return write


def operators(model: LiteRTModel) -> list[str]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = Interpreter(
        model_content=model.content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    return [detail["op_name"] for detail in plain._get_ops_details()]


@pytest.mark.slow
def test_the_outputs_are_those_of_pixels_in_float(models, photographs):
    wanted, found = models("float32", "rgb")(photographs), models("float32", "rgba")(photographs)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_takes_bytes(models, photographs, precision):
    bytes_, floats = models(precision, "rgba"), models(precision, "rgb")
    (image,) = interpreter(bytes_.content, 1, bytes_.path).get_input_details()
    assert (image["shape"].tolist(), image["dtype"]) == ([1, 64, 96, 4], np.uint8)
    wanted = models("float32", "rgb")(photographs)
    for name, value in bytes_(photographs).items():
        assert value.dtype == np.float32
        near = np.abs(floats(photographs)[name] - wanted[name]).mean()
        assert np.abs(value - wanted[name]).mean() <= 2 * near + 1e-4, name


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "first"), [("float32", "CAST"), ("int8", "QUANTIZE")])
def test_only_the_type_changes_before_the_first_convolution(models, precision, first):
    def before(pixels: str) -> list[str]:
        names = operators(models(precision, pixels))
        return [name for name in names[: names.index("CONV_2D")] if name != "PAD"]

    assert before("rgba") == [first]
    assert {"SUB", "MUL"} <= set(before("rgb"))


@pytest.mark.slow
def test_the_json_says_what_goes_in(models):
    said = json.loads(models("int8", "rgba").path.with_suffix(".json").read_text())["input"]
    assert (said["shape"], said["dtype"], said["colour_order"]) == ([1, 64, 96, 4], "uint8", "RGBA")
    assert (said["quantisation"]["scale"], said["quantisation"]["zero_point"]) == (1.0, 0)
    assert said["alpha"].startswith("255 everywhere")


class Convolution(nn.Module):
    """One layer that reads the picture."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
)
def test_any_convolution_gives_the_same_with_its_border(seed, kernel, stride, padding, dilation, bias):
    torch.manual_seed(seed)
    layer = nn.Conv2d(3, 4, kernel, stride, padding, dilation, bias=bias)
    network = Convolution(layer).eval().requires_grad_(False)
    images = torch.randint(0, 256, (1, 12, 17, 3))
    normalised = (images / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    wanted = network(normalised.permute(0, 3, 1, 2))
    fold_normalisation(network, MEAN, STD, (17, 12))
    found = network(torch.from_numpy(with_alpha(images.numpy())).permute(0, 3, 1, 2).float())
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "name", ["context", "hourglass_2", "unet", "transfer", "posenet_s8", "centre_xs", "attention_lite0"]
)
def test_every_student_takes_bytes(new_network, name):
    torch.manual_seed(0)
    network = new_network(name).eval().requires_grad_(False)
    images = torch.randint(0, 256, (1, 64, 96, 3))
    normalised = (images / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    wanted = network(normalised.permute(0, 3, 1, 2))
    fold_normalisation(network, MEAN, STD, (96, 64))
    found = network(torch.from_numpy(with_alpha(images.numpy())).permute(0, 3, 1, 2).float())
    for key, value in wanted.items():
        torch.testing.assert_close(found[key], value, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("network", "reader"),
    [
        (Convolution(nn.Conv2d(3, 3, 3, groups=3)), "Conv2d"),
        (Convolution(nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")), "Conv2d"),
        (Convolution(nn.AvgPool2d(2)), "AvgPool2d"),
        (attention(OF_THREE, size="xs", colours="hsv"), "ColourSpace"),
        (Convolution(nn.Identity()), "Identity"),
    ],
)
def test_a_picture_that_is_read_otherwise_is_refused(network, reader):
    with pytest.raises(ExportError, match=f"first layer is one convolution, not {reader}; export it with rgb"):
        fold_normalisation(network.eval(), MEAN, STD, (64, 64))


def test_a_picture_that_is_read_twice_is_found_out(photographs, exported, tmp_path):
    """By a layer, which is seen, and by arithmetic of the network's own, which the comparison with torch notices."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = (nn.Conv2d(3, 3, 4, stride=4) for _ in range(2))
            self.by_layers = True

        def forward(self, images):
            other = self.second(images) if self.by_layers else images[:, :3, ::4, ::4]
            return {"heatmaps_s4": self.first(images) + other}

    network, told = (
        Twice(),
        exported.settings | {"outputs": {"heatmaps_s4": exported.settings["outputs"]["heatmaps_s4"]}},
    )
    with pytest.raises(ExportError, match="not Conv2d, Conv2d"):
        Exporter(network, photographs=photographs, pixels="rgba", **told)
    network.by_layers = False
    with pytest.raises(ExportError, match="heatmaps_s4 differs from torch"):
        Exporter(network, photographs=photographs, pixels="rgba", **told).write(tmp_path / "twice.tflite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_input_of_another_type_is_refused(models, photographs):
    with pytest.raises(ExportError, match="an input of uint8 cannot be one of bytes"):
        of_bytes(models("float32", "rgba").content)
