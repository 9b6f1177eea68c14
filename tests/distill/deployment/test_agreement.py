"""How far two exported models see the same people, on the weights that ship."""

from pathlib import Path

import numpy as np
import pytest

from distill.commands import export
from distill.deployment import agreement, precisions
from distill.deployment.agreement import Agreement
from distill.evaluation.exported import exported_predictor
from distill.synthetic import SceneConfig, draw_scene
from mobile.runtime import LiteRTModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(repository, tmp_path_factory):
    """The student of synthetic people in float32 and dynamic_int8, with nothing to measure AP on."""
    out = tmp_path_factory.mktemp("exported") / "student.tflite"
    weights = repository / "students" / "weights" / "attention_xs.safetensors"
    arguments = [str(weights), "--precision", "[float32,dynamic_int8]", "--out", str(out), "--runs", "1"]
    assert export.main(arguments) == 0
    return {name: out.with_stem(f"student_{name}") for name in ("float32", "dynamic_int8")}


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(SceneConfig(size=192), 11, number).image for number in range(12)]


def test_a_model_agrees_with_itself_and_nearly_with_its_lower_precision(exported, scenes):
    measure = Agreement(scenes)
    assert measure(exported["float32"], exported["float32"]) == pytest.approx(1.0)
    lower = measure(exported["dynamic_int8"], exported["float32"])
    assert 0.7 < lower < 1
    assert measure(exported["float32"], exported["dynamic_int8"]) == pytest.approx(lower, abs=1e-6)
    assert LiteRTModel(exported["dynamic_int8"]).metadata["check"]["agreement"] > 0.7


def test_people_whom_only_one_sees_count_as_nothing(exported, scenes, monkeypatch):
    real = exported_predictor

    def blind(model):
        predictor = real(model)
        if "float32" in Path(model.path).name:
            return predictor
        nobody = np.zeros((0, 17, 3), np.float32), np.zeros(0, np.float32)
        monkeypatch.setattr(predictor, "begin", lambda photographs: lambda: [nobody] * len(photographs))
        return predictor

    monkeypatch.setattr(agreement, "exported_predictor", blind)
    assert Agreement(scenes)(exported["dynamic_int8"], exported["float32"]) == 0.0
    assert Agreement(scenes)(exported["dynamic_int8"], exported["dynamic_int8"]) is None


def test_a_precision_that_sees_others_is_not_written(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(precisions, "LEAST_AGREEMENT", 0.999)
    weights = repository / "students" / "weights" / "attention_xs.safetensors"
    out = tmp_path / "student.tflite"
    assert export.main([str(weights), "--precision", "dynamic_int8", "--out", str(out), "--runs", "1"]) == 1
    assert "the persons of dynamic_int8 agree with float32's by 0." in capsys.readouterr().err
    assert not out.exists()
