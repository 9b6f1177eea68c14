"""Models run as their JSON says, or not at all."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mobile.errors import ExportError
from mobile.packed import unpack
from mobile.quiet import quiet
from mobile.runtime import LiteRTModel


def test_a_batch_gives_what_its_images_give_alone(exported, photographs):
    model = LiteRTModel(exported.path, num_threads=2)
    together = model(photographs)
    for name, value in together.items():
        alone = np.concatenate([model(photographs[i : i + 1].astype(np.float32))[name] for i in range(3)])
        np.testing.assert_array_equal(value, alone, err_msg=name)


def test_input_size_is_width_and_height(exported):
    assert LiteRTModel(exported.path).input_size == (96, 64)


def test_tampered_model_is_refused(copied):
    path = copied()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"student.tflite is not the model that student.json describes"):
        LiteRTModel(path)


def test_missing_json_and_missing_model_are_named(copied):
    path = copied()
    path.with_suffix(".json").unlink()
    path.write_bytes(unpack(path.read_bytes()).model)
    with pytest.raises(ExportError, match=r"student.json is missing"):
        LiteRTModel(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"student.tflite"):
        LiteRTModel(path)


def test_file_that_is_no_model_is_named(copied):
    from mobile.metadata import sha256

    path = copied()
    path.write_bytes(b"not a model")
    metadata = json.loads(path.with_suffix(".json").read_text())
    metadata["model"]["sha256"] = sha256(b"not a model")
    path.with_suffix(".json").write_text(json.dumps(metadata))
    with pytest.raises(ExportError, match=r"student.tflite is no model that LiteRT can load"):
        LiteRTModel(path)


@pytest.mark.parametrize("shape", [(1, 64, 64, 3), (64, 96, 3), (0, 64, 96, 3)])
def test_images_of_another_shape_are_refused(exported, shape):
    with pytest.raises(ExportError, match=r"takes images of shape \(B, 64, 96, 3\)"):
        LiteRTModel(exported.path)(np.zeros(shape, np.uint8))


def test_loading_and_running_print_nothing(exported):
    program = (
        "import sys, numpy; from mobile.runtime import LiteRTModel; "
        "LiteRTModel(sys.argv[1])(numpy.zeros((1, 64, 96, 3), numpy.uint8))"
    )
    ran = subprocess.run([sys.executable, "-c", program, exported.path], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_quiet_swallows_native_output_and_gives_the_streams_back(capfd):
    with quiet():
        os.write(1, b"native\n")
        os.write(2, b"native\n")
        print("python")
    with pytest.raises(KeyError), quiet():
        raise KeyError
    print("after")
    out, err = capfd.readouterr()
    assert (out, err) == ("after\n", "")
