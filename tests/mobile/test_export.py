"""An exported student gives what torch gives, and appears only when it does."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from mobile.convert import Exportable
from mobile.errors import ExportError
from mobile.export import export
from mobile.outputs import OutputInfo
from mobile.runtime import LiteRTModel


@pytest.fixture
def of_maps(exported) -> dict:
    """Settings of an export of `Maps`."""
    return exported.settings | {"outputs": {"heatmaps_s4": OutputInfo("heatmaps", "where joints are", 4)}}


class Maps(nn.Module):
    """A network of one convolution whose heatmaps are multiplied by a number that changes between calls."""

    def __init__(self, drift: float = 0.0):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 4, stride=4)
        self.drift = drift

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        factor = 1.0 if torch.compiler.is_compiling() else 1.0 + self.drift
        return {"heatmaps_s4": self.conv(images) * factor}


def test_model_equals_torch_on_photographs(exported, photographs):
    mean, std = (torch.tensor(exported.settings[k]).reshape(3, 1, 1) for k in ("mean", "std"))
    images = (torch.from_numpy(photographs).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        wanted = exported.network.eval()(images)
    wanted["attention"] = wanted["attention"].sigmoid()
    found = LiteRTModel(exported.path)(photographs)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value.permute(0, 2, 3, 1).numpy(), atol=1e-4, err_msg=name)


def test_report_states_the_error_of_every_output(exported):
    assert exported.report.max_error.keys() == {"heatmaps_s4", "tags_s4", "attention"}
    assert all(0 <= error < 1e-4 for error in exported.report.max_error.values())
    assert exported.report.bytes == exported.path.stat().st_size
    assert sorted(p.name for p in exported.path.parent.iterdir()) == ["student.json", "student.tflite"]


def test_graph_holds_no_transposes_and_one_resize_a_level(exported):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = Interpreter(
        str(exported.path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    operators = [detail["op_name"] for detail in plain._get_ops_details()]
    assert "TRANSPOSE" not in operators and "RESHAPE" not in operators
    assert operators.count("RESIZE_BILINEAR") == 3
    assert operators.count("LOGISTIC") == 1


def test_network_is_left_as_it_was(photographs, tmp_path, of_maps):
    network = Maps().train().to(torch.bfloat16)
    export(network, tmp_path / "maps.tflite", photographs=photographs, **of_maps)
    assert network.training and network.conv.weight.dtype == torch.bfloat16 and network.conv.weight.requires_grad


def test_nothing_is_left_when_the_error_is_above_tolerance(photographs, tmp_path, of_maps):
    path = tmp_path / "maps.tflite"
    with pytest.raises(ExportError, match=r"maps.tflite is not written: heatmaps_s4 differs from torch by"):
        export(Maps(drift=0.1), path, photographs=photographs, **of_maps)
    assert list(tmp_path.iterdir()) == []


def test_older_model_stays_when_a_new_one_is_refused(copied, photographs, of_maps):
    path = copied()
    before = path.read_bytes()
    with pytest.raises(ExportError, match="heatmaps_s4 differs"):
        export(Maps(drift=0.1), path, photographs=photographs, **of_maps)
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["student.json", "student.tflite"]


def test_output_that_is_not_a_number_is_refused(photographs, tmp_path, of_maps):
    network = Maps()
    nn.init.constant_(network.conv.bias, float("nan"))
    with pytest.raises(ExportError, match="heatmaps_s4 differs from torch by nan"):
        export(network, tmp_path / "maps.tflite", photographs=photographs, **of_maps)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_converted_is_named(photographs, tmp_path, of_maps):
    class Deciding(Maps):
        def forward(self, images):
            return super().forward(images if images.sum() > 0 else -images)

    with pytest.raises(ExportError, match="Deciding cannot be converted: "):
        export(Deciding(), tmp_path / "maps.tflite", photographs=photographs, **of_maps)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "the network's outputs are heatmaps_s4; described are none"),
        ({"tags_s4": OutputInfo("tags", "", 4)}, "are heatmaps_s4; described are tags_s4"),
        ({"heatmaps_s4": OutputInfo("heatmaps", "", 2)}, "heatmaps_s4 has 24 x 16 cells, .* stride of 2 .* 96 x 64"),
    ],
)
def test_outputs_that_are_not_those_described_are_named(photographs, tmp_path, of_maps, outputs, message):
    with pytest.raises(ExportError, match=message):
        export(Maps(), tmp_path / "maps.tflite", photographs=photographs, **of_maps | {"outputs": outputs})
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_are_named(photographs, tmp_path, of_maps):
    with pytest.raises(ExportError, match=r"maps.onnx must end in .tflite"):
        export(Maps(), tmp_path / "maps.onnx", photographs=photographs, **of_maps)
    with pytest.raises(ExportError, match=r"photographs must be \(N, 64, 96, 3\), not \(3, 64, 64, 3\)"):
        export(Maps(), tmp_path / "m.tflite", photographs=photographs[:, :, :64], **of_maps)
    with pytest.raises(ExportError, match=r"not \(0, 64, 96, 3\)"):
        export(Maps(), tmp_path / "m.tflite", photographs=photographs[:0], **of_maps)


def test_exportable_normalises_and_activates_what_is_described_so():
    class Echo(nn.Module):
        def forward(self, images):
            return {"heatmaps_s1": images, "attention": images[:, :1]}

    image = torch.randint(0, 256, (1, 5, 7, 3)).float()
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    outputs = {
        "heatmaps_s1": OutputInfo("heatmaps", "", 1),
        "attention": OutputInfo("attention", "", 1, torch.sigmoid),
    }
    maps = Exportable(Echo(), mean, std, outputs)(image)
    wanted = (image / 255 - torch.tensor(mean)) / torch.tensor(std)
    torch.testing.assert_close(maps["heatmaps_s1"], wanted)
    torch.testing.assert_close(maps["attention"], wanted[..., :1].sigmoid())


def test_importing_is_quick_of_mind_and_tensorflow_stays_out():
    program = "import sys, mobile.export, mobile.runtime; print({'litert_torch', 'tensorflow'} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "set()\n"


def test_json_is_complete(exported):
    metadata = json.loads(exported.path.with_suffix(".json").read_text())
    assert metadata["schema_version"] == 1
    assert metadata["input"]["shape"] == [1, 64, 96, 3]
    assert (metadata["input"]["colour_order"], metadata["input"]["value_range"]) == ("RGB", [0, 255])
    assert metadata["letterbox"]["padding_rgb"] == [1, 2, 3]
    assert metadata["letterbox"]["interpolation"] == "bilinear"
    for key in ("skeleton", "grouping", "source"):
        assert metadata[key] == exported.settings[key]
    assert metadata["check"]["max_error"] == exported.report.max_error
