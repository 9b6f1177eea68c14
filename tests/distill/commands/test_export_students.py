"""Every student, with options that its training tests do not have, is exported and agrees with torch."""

import json

import pytest
import torch

from distill.commands import export
from distill.commands.export import export_checkpoint, export_variants
from distill.commands.export_config import ExportConfig
from distill.networks.checkpoint import load_network, save_checkpoint

STUDENTS = {
    "hsv": {"name": "attention", "colours": "hsv"},
    "lab": {"name": "attention", "colours": "lab"},
    "large_kernel": {"name": "attention", "large_kernel": True, "gate": "none"},
    "context": {"name": "context", "squeeze": True},
    "centre": {"name": "centre"},
    "hourglass": {"name": "hourglass", "stacks": 2},
    "unet": {"name": "unet", "output_stride": 2},
    "posenet": {"name": "posenet", "output_stride": 16},
    "transfer": {"name": "transfer", "backbone": "mobilenetv3_small_100"},
}


@pytest.fixture
def checkpoint(new_network, new_info, tmp_path):
    """Function from a student's choice to a checkpoint of it, at an input that is not square.

    Its normalisation has seen inputs, without which maps of a deep network are of any size.
    """

    def write(model: dict) -> str:
        torch.manual_seed(0)
        info, network = new_info(model, input_size=(96, 64)), new_network(model).train()
        with torch.no_grad():
            for _ in range(30):
                network(torch.randn(4, 3, 64, 96))
        path = tmp_path / "student.safetensors"
        save_checkpoint(path, info, network.state_dict())
        return path

    return write


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_is_exported_and_agrees_with_torch(checkpoint, tmp_path, name):
    path = checkpoint(STUDENTS[name])
    report = export_checkpoint(ExportConfig(path, tmp_path / "student.tflite", photographs=2))
    assert max(report.max_error.values()) < 1e-3
    described = json.loads((tmp_path / "student.json").read_text())
    assert {output["kind"] for output in described["outputs"]} >= {"heatmaps"}
    assert described["input"]["shape"] == [1, 64, 96, 3]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("model", [STUDENTS["transfer"], STUDENTS["unet"], {"name": "higher_hrnet_demo"}])
def test_transposed_convolutions_are_quantised(checkpoint, tmp_path, model):
    """With normalisation behind them and without."""
    path = checkpoint(model)
    settings = {"precision": ["int8"], "ranges": "min_max", "photographs": 2, "calibration": 4, "runs": 1}
    with pytest.MonkeyPatch.context() as patch:
        # Of a network that knows nothing persons need not agree.
        patch.setattr("distill.deployment.precisions.LEAST_AGREEMENT", 0.0)
        (variant,) = export_variants(ExportConfig(path, tmp_path / "student.tflite", **settings))
    parameters = sum(map(torch.numel, load_network(path)[0].parameters()))
    assert variant.report is not None and variant.report.bytes < 2 * parameters


@pytest.mark.parametrize("name", ["centre", "posenet"])
def test_peaks_of_persons_that_are_not_found_by_tags_are_refused(checkpoint, tmp_path, capsys, name):
    """Decoding them as one person would be wrong without a word."""
    path = checkpoint(STUDENTS[name])
    assert export.main([str(path), "--out", str(tmp_path / "student.tflite"), "--with_peaks"]) == 1
    assert "with_peaks is of persons that are found by heatmaps and tags" in capsys.readouterr().err
