"""ONNX: checked against torch through onnxruntime, described by the same JSON, evaluated like any model."""

import builtins
import json

import numpy as np
import onnx
import pytest

from distill.commands import export
from distill.commands.export import export_checkpoint
from distill.commands.export_config import ExportConfig
from distill.evaluation.models import load_model
from mobile.errors import ExportError
from mobile.onnx_model import OnnxModel


@pytest.fixture(scope="module")
def exported(with_peaks, tmp_path_factory):
    """The student as ONNX."""
    path = tmp_path_factory.mktemp("exported") / "m.onnx"
    report = export_checkpoint(ExportConfig(with_peaks, path))
    assert max(report.max_error.values()) < 1e-3 and report.delegation is None
    return path


def test_the_file_is_sound_and_of_the_stated_shapes(exported):
    model = onnx.load(exported)
    onnx.checker.check_model(model)
    described = json.loads(exported.with_suffix(".json").read_text())
    assert described["model"]["format"] == "ONNX" and "signature" not in described["model"]
    assert described["input"]["shape"] == [1, 64, 96, 3] and described["input"]["dtype"] == "float32"
    assert [output["kind"] for output in described["outputs"]] == ["heatmaps", "tags", "attention"]
    assert [output.name for output in model.graph.output] == [output["name"] for output in described["outputs"]]
    assert described["outputs"][0]["shape"] == [1, 16, 24, 17] and described["outputs"][0]["stride"] == 4


def test_it_finds_whom_the_network_finds(exported, with_peaks):
    photographs = list(np.random.default_rng(0).integers(0, 256, (3, 90, 120, 3), dtype=np.uint8))
    ours, theirs = (load_model(path).predictor()(photographs) for path in (with_peaks, exported))
    assert any(len(persons) for persons, _ in ours)
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one[0], two[0], atol=1e-2)
        np.testing.assert_allclose(one[1], two[1], atol=1e-4)


def test_peaks_are_found_in_the_graph(with_peaks, tmp_path):
    path = tmp_path / "peaks.onnx"
    assert export.main([str(with_peaks), "--format", "onnx", "--with_peaks", "--out", str(path)]) == 0
    kinds = {output["kind"] for output in json.loads(path.with_suffix(".json").read_text())["outputs"]}
    assert kinds == {"peak_values", "peak_cells", "peak_tags", "peak_shifts"}
    persons, _ = load_model(path).predictor()([np.full((64, 96, 3), 90, np.uint8)])[0]
    assert persons.shape[1:] == (17, 3)


def test_another_file_in_its_place_is_refused(exported, tmp_path):
    copy = tmp_path / "m.onnx"
    copy.write_bytes(exported.read_bytes()[:-9])
    copy.with_suffix(".json").write_text(exported.with_suffix(".json").read_text())
    with pytest.raises(ExportError, match=r"is not the model that m\.json describes"):
        OnnxModel(copy)
    with pytest.raises(ExportError, match=r"takes images of shape \(B, 64, 96, 3\)"):
        OnnxModel(exported)(np.zeros((1, 64, 64, 3), np.uint8))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "onnx", "--precision", "int8"], "precision int8 is of .tflite; .onnx is written in float32"),
        (["--format", "openvino"], "format must be tflite, onnx, executorch, coreml, not 'openvino'"),
        (["--format", "onnx", "--out", "x.tflite"], "out x.tflite must end in .onnx, as format says"),
    ],
)
def test_what_does_not_go_together_is_told(with_peaks, capsys, words, message):
    assert export.main([str(with_peaks), *words]) == 1
    assert message in capsys.readouterr().err


def test_without_the_extra_one_line_says_what_to_install(with_peaks, tmp_path, capsys, monkeypatch):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name == "onnxscript":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert export.main([str(with_peaks), "--format", "onnx", "--out", str(tmp_path / "m.onnx")]) == 1
    assert 'pip install "pose-distill[onnx]"' in capsys.readouterr().err
