"""Core ML: written, read back by Apple's own tools, and said to be unchecked, for nothing here runs it."""

import builtins
import json

import coremltools
import pytest

from distill.commands import eval as evaluation
from distill.commands import export
from mobile import metadata
from mobile.core_ml import content_of, replace_folder


@pytest.fixture(scope="module")
def exported(with_peaks, tmp_path_factory):
    """The student as a Core ML package."""
    path = tmp_path_factory.mktemp("exported") / "m.mlpackage"
    assert export.main([str(with_peaks), "--format", "coreml", "--out", str(path)]) == 0
    return path


def test_apples_tools_read_it_and_the_json_fits(exported):
    spec = coremltools.models.MLModel(str(exported), skip_model_load=True).get_spec()
    assert spec.WhichOneof("Type") == "mlProgram"
    described = json.loads(exported.with_suffix(".json").read_text())
    (image,) = spec.description.input
    assert (image.name, list(image.type.multiArrayType.shape)) == ("image", [1, 64, 96, 3])
    assert described["input"]["shape"] == [1, 64, 96, 3] and described["input"]["dtype"] == "float32"
    found = {value.name: list(value.type.multiArrayType.shape) for value in spec.description.output}
    assert found == {output["name"]: output["shape"] for output in described["outputs"]}
    assert [output["kind"] for output in described["outputs"]] == ["heatmaps", "tags", "attention"]


def test_the_checksum_is_of_all_its_files(exported):
    described = json.loads(exported.with_suffix(".json").read_text())["model"]
    assert described["sha256"] == metadata.sha256(content_of(exported))
    assert described["bytes"] == sum(file.stat().st_size for file in exported.rglob("*") if file.is_file())
    weights = next(exported.rglob("weight.bin"))
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        assert described["sha256"] != metadata.sha256(content_of(exported))
    finally:
        weights.write_bytes(before)


def test_it_is_said_to_be_unchecked(exported, with_peaks, tmp_path, capsys):
    assert json.loads(exported.with_suffix(".json").read_text())["check"].startswith("none: only an Apple system")
    path = tmp_path / "again.mlpackage"
    for _ in range(2):
        assert export.main([str(with_peaks), "--out", str(path)]) == 0
        assert "only an Apple system runs it" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.json", "again.mlpackage"]
    assert evaluation.main([str(path), "--data.root", str(tmp_path)]) == 1
    assert "does not exist; give a file that ends in .safetensors" in capsys.readouterr().err


def test_a_package_that_cannot_be_replaced_stays(tmp_path):
    package, former = tmp_path / "m.mlpackage", tmp_path / "former"
    package.mkdir()
    (package / "Manifest.json").write_text("the one before")
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "missing", package, former)
    assert (package / "Manifest.json").read_text() == "the one before" and not former.exists()


def test_without_the_extra_one_line_says_what_to_install(with_peaks, tmp_path, capsys, monkeypatch):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name == "coremltools":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert export.main([str(with_peaks), "--format", "coreml", "--out", str(tmp_path / "m.mlpackage")]) == 1
    assert 'pip install "pose-distill[coreml]"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
