"""Other formats: checked against torch by their own runtimes, described by the same JSON, evaluated like any model."""

import builtins
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest

from distill.commands import export
from distill.commands.export import export_checkpoint
from distill.commands.export_config import ExportConfig
from distill.evaluation.models import load_model
from mobile import formats, metadata
from mobile.errors import ExportError

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Kind:
    """A format, and what its tests look for."""

    name: str
    ending: str
    said: str
    "What the JSON calls it."
    package: str
    "Without which it says what to install."


KINDS = (
    Kind("onnx", ".onnx", "ONNX", "onnxscript"),
    Kind("executorch", ".pte", "ExecuTorch program", "executorch.runtime"),
)
of_each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def exported(with_peaks, tmp_path_factory):
    """The student in each format, by name."""
    folder, paths = tmp_path_factory.mktemp("exported"), {}
    for kind in KINDS:
        paths[kind.name] = folder / f"m_{kind.name}{kind.ending}"
        report = export_checkpoint(ExportConfig(with_peaks, paths[kind.name]))
        assert max(report.max_error.values()) < 1e-3 and report.delegation is None
    return paths


@of_each
def test_the_json_states_the_shapes(exported, kind):
    described = json.loads(exported[kind.name].with_suffix(".json").read_text())
    assert described["model"]["format"] == kind.said
    assert described["model"].get("signature") == {"onnx": None, "executorch": "forward"}[kind.name]
    assert described["input"]["shape"] == [1, 64, 96, 3] and described["input"]["dtype"] == "float32"
    assert [output["kind"] for output in described["outputs"]] == ["heatmaps", "tags", "attention"]
    assert described["outputs"][0]["shape"] == [1, 16, 24, 17] and described["outputs"][0]["stride"] == 4


def test_the_onnx_is_sound_and_names_its_outputs(exported):
    model = onnx.load(exported["onnx"])
    onnx.checker.check_model(model)
    described = json.loads(exported["onnx"].with_suffix(".json").read_text())
    assert [output.name for output in model.graph.output] == [output["name"] for output in described["outputs"]]


def test_xnnpack_computes_the_program(exported):
    assert b"XnnpackBackend" in exported["executorch"].read_bytes()


@of_each
def test_it_finds_whom_the_network_finds(exported, with_peaks, kind):
    photographs = list(np.random.default_rng(0).integers(0, 256, (3, 90, 120, 3), dtype=np.uint8))
    ours, theirs = (load_model(path).predictor()(photographs) for path in (with_peaks, exported[kind.name]))
    assert any(len(persons) for persons, _ in ours)
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one[0], two[0], atol=1e-2)
        np.testing.assert_allclose(one[1], two[1], atol=1e-4)


@of_each
def test_a_batch_gives_what_its_images_give_alone(exported, kind):
    images = np.random.default_rng(1).integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    model = formats.load(exported[kind.name], 2)
    together = model(images)
    for number, image in enumerate(images):
        for name, value in model(image[None]).items():
            np.testing.assert_array_equal(together[name][number], value[0])


@of_each
def test_peaks_are_found_in_the_graph(with_peaks, tmp_path, kind):
    path = tmp_path / f"peaks{kind.ending}"
    assert export.main([str(with_peaks), "--format", kind.name, "--with_peaks", "--out", str(path)]) == 0
    kinds = {output["kind"] for output in json.loads(path.with_suffix(".json").read_text())["outputs"]}
    assert kinds == {"peak_values", "peak_cells", "peak_tags", "peak_shifts"}
    persons, _ = load_model(path).predictor()([np.full((64, 96, 3), 90, np.uint8)])[0]
    assert persons.shape[1:] == (17, 3)


@of_each
def test_another_file_in_its_place_is_refused(exported, tmp_path, kind):
    path, copy = exported[kind.name], tmp_path / f"m{kind.ending}"
    copy.write_bytes(path.read_bytes()[:-9])
    described = json.loads(path.with_suffix(".json").read_text())
    copy.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(ExportError, match=r"is not the model that m\.json describes"):
        formats.load(copy)
    copy.write_bytes(b"no model at all")
    described["model"]["sha256"] = metadata.sha256(b"no model at all")
    copy.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(ExportError, match="is no model that"):
        formats.load(copy)
    with pytest.raises(ExportError, match=r"takes images of shape \(B, 64, 96, 3\)"):
        formats.load(path)(np.zeros((1, 64, 64, 3), np.uint8))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "onnx", "--precision", "int8"], "precision int8 is of .tflite; .onnx is written in float32"),
        (["--format", "openvino"], "format must be tflite, onnx, executorch, coreml, not 'openvino'"),
        (["--format", "onnx", "--out", "x.tflite"], "out x.tflite must end in .onnx, as format says"),
        (["--format", "executorch", "--pixels", "rgba"], "pixels rgba is of .tflite; out student.pte takes rgb"),
    ],
)
def test_what_does_not_go_together_is_told(with_peaks, capsys, words, message):
    assert export.main([str(with_peaks), *words]) == 1
    assert message in capsys.readouterr().err


@of_each
def test_without_the_extra_one_line_says_what_to_install(with_peaks, tmp_path, capsys, monkeypatch, kind):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name == kind.package:
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert export.main([str(with_peaks), "--format", kind.name, "--out", str(tmp_path / f"m{kind.ending}")]) == 1
    assert f'pip install "pose-distill[{kind.name}]"' in capsys.readouterr().err


def test_what_nothing_here_runs_is_refused():
    with pytest.raises(ExportError, match=r"m.mlpackage must end in .tflite, .onnx, .pte to be run here"):
        formats.load(Path("m.mlpackage"))
