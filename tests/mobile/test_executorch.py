"""ExecuTorch: checked against torch by its own runtime, described by the same JSON, evaluated like any model."""

import builtins
import json

import numpy as np
import pytest

from distill.commands import export
from distill.commands.export import export_checkpoint
from distill.commands.export_config import ExportConfig
from distill.evaluation.models import load_model
from mobile.errors import ExportError
from mobile.executorch_model import ExecuTorchModel


@pytest.fixture(scope="module")
def exported(with_peaks, tmp_path_factory):
    """The student for ExecuTorch."""
    path = tmp_path_factory.mktemp("exported") / "m.pte"
    report = export_checkpoint(ExportConfig(with_peaks, path))
    assert max(report.max_error.values()) < 1e-3 and report.delegation is None
    return path


def test_the_json_states_the_shapes(exported):
    described = json.loads(exported.with_suffix(".json").read_text())
    assert described["model"]["format"] == "ExecuTorch program" and described["model"]["signature"] == "forward"
    assert described["input"]["shape"] == [1, 64, 96, 3] and described["input"]["dtype"] == "float32"
    assert [output["kind"] for output in described["outputs"]] == ["heatmaps", "tags", "attention"]
    assert described["outputs"][0]["shape"] == [1, 16, 24, 17] and described["outputs"][0]["stride"] == 4


def test_xnnpack_computes_it(exported):
    assert b"XnnpackBackend" in exported.read_bytes()


def test_it_finds_whom_the_network_finds(exported, with_peaks):
    photographs = list(np.random.default_rng(0).integers(0, 256, (3, 90, 120, 3), dtype=np.uint8))
    ours, theirs = (load_model(path).predictor()(photographs) for path in (with_peaks, exported))
    assert any(len(persons) for persons, _ in ours)
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one[0], two[0], atol=1e-2)
        np.testing.assert_allclose(one[1], two[1], atol=1e-4)


def test_a_batch_gives_what_its_images_give_alone(exported):
    images = np.random.default_rng(1).integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    model = ExecuTorchModel(exported, num_threads=2)
    together = model(images)
    for number, image in enumerate(images):
        for name, value in model(image[None]).items():
            np.testing.assert_array_equal(together[name][number], value[0])


def test_peaks_are_found_in_the_graph(with_peaks, tmp_path):
    path = tmp_path / "peaks.pte"
    assert export.main([str(with_peaks), "--format", "executorch", "--with_peaks", "--out", str(path)]) == 0
    kinds = {output["kind"] for output in json.loads(path.with_suffix(".json").read_text())["outputs"]}
    assert kinds == {"peak_values", "peak_cells", "peak_tags", "peak_shifts"}
    persons, _ = load_model(path).predictor()([np.full((64, 96, 3), 90, np.uint8)])[0]
    assert persons.shape[1:] == (17, 3)


def test_what_is_no_program_is_refused(exported, tmp_path):
    copy = tmp_path / "m.pte"
    copy.write_bytes(exported.read_bytes()[:-9])
    copy.with_suffix(".json").write_text(exported.with_suffix(".json").read_text())
    with pytest.raises(ExportError, match=r"is not the model that m\.json describes"):
        ExecuTorchModel(copy)
    described = json.loads(copy.with_suffix(".json").read_text())
    copy.write_bytes(b"no program at all")
    described["model"]["sha256"] = "1b1bb9c9a9d1d8ae"
    copy.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(ExportError, match="their SHA-256 differ"):
        ExecuTorchModel(copy)


def test_without_the_extra_one_line_says_what_to_install(with_peaks, tmp_path, capsys, monkeypatch):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name == "executorch.runtime":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert export.main([str(with_peaks), "--format", "executorch", "--out", str(tmp_path / "m.pte")]) == 1
    assert 'pip install "pose-distill[executorch]"' in capsys.readouterr().err
