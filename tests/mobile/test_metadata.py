"""The JSON beside a model says what the model does."""

import hashlib

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mobile import metadata
from mobile.errors import ExportError
from mobile.packed import unpack
from mobile.quiet import quiet


@pytest.fixture(scope="module")
def described(exported):
    return metadata.read(exported.path)


def test_checksum_and_size_are_those_of_the_model_alone(exported, described):
    content = unpack(exported.path.read_bytes()).model
    assert described["model"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert described["model"]["bytes"] == len(content)
    assert described["model"]["file"] == exported.path.name


def test_positions_and_tensors_find_the_outputs_without_a_signature(exported, described, photographs):
    with quiet():
        plain = Interpreter(str(exported.path))
        plain.allocate_tensors()
        plain.set_tensor(described["input"]["tensor_index"], photographs[:1].astype(np.float32))
        plain.invoke()
        by_name = plain.get_signature_runner(described["model"]["signature"])(image=photographs[:1].astype(np.float32))
    details = plain.get_output_details()
    assert len(described["outputs"]) == 3
    for position, output in enumerate(described["outputs"]):
        assert output["position"] == position
        assert details[position]["name"] == output["tensor"]
        value = plain.get_tensor(details[position]["index"])
        assert list(value.shape) == output["shape"] and value.dtype.name == output["dtype"]
        np.testing.assert_array_equal(value, by_name[output["name"]])


def test_outputs_are_described_as_the_caller_describes_them(exported, described):
    assert {o["name"]: (o["kind"], o["stride"], o["meaning"]) for o in described["outputs"]} == {
        name: (output.kind, output.stride, output.meaning) for name, output in exported.settings["outputs"].items()
    }


@pytest.mark.parametrize("photograph", [(640, 480), (300, 500), (96, 64), (7, 1000)])
def test_matrix_formula_fits_the_photograph_into_the_input(described, photograph):
    width, height = photograph
    known = {
        "photograph_width": width,
        "photograph_height": height,
        "input_width": described["input"]["width"],
        "input_height": described["input"]["height"],
    }
    rule = described["letterbox"]["photograph_to_input"]
    known["scale"] = min(known["input_width"] / width, known["input_height"] / height)
    assert rule["scale"] == "min(input_width / photograph_width, input_height / photograph_height)"
    corners = []
    for axis, size in (("x", width), ("y", height)):
        side = "width" if axis == "x" else "height"
        assert rule[f"offset_{axis}"] == f"(input_{side} - scale * photograph_{side}) / 2"
        offset = (known[f"input_{side}"] - known["scale"] * size) / 2
        corners.append((offset, known["scale"] * size + offset, known[f"input_{side}"]))
    assert all(low >= -1e-9 and high <= whole + 1e-9 for low, high, whole in corners)
    assert any(abs(low) < 1e-9 and abs(high - whole) < 1e-9 for low, high, whole in corners)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "schema_version None, this program reads 1"),
        ('{"schema_version": 2}', "schema_version 2, this program reads 1"),
    ],
)
def test_damaged_json_is_named(tmp_path, text, message):
    (tmp_path / "student.json").write_text(text)
    with pytest.raises(ExportError, match=message):
        metadata.read(tmp_path / "student.tflite")
