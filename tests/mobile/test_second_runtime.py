"""The student that ships gives the same in TensorFlow 2.16.1, whose runtime is that of the Android library 2.16.1."""

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path

import cv2
import numpy as np
import pytest

import students
from distill.networks.checkpoint import load_network
from mobile.export import export
from mobile.metadata import SIGNATURE
from mobile.quantise import Quantisation, quantise
from mobile.runtime import interpreter, to_stored

pytestmark = pytest.mark.slow

VERSION = "2.16.1"
INSTALL_SECONDS = 600
TOLERANCE = {"float32": 1e-5, "float16": 1e-5, "int8": 1}
"""Of float models: of the range of an output. Of int8: steps of an output, of which there are 255."""

PROGRAM = """
import sys
import numpy as np
import tensorflow as tf

assert tf.__version__ == sys.argv[1], tf.__version__
model = tf.lite.Interpreter(sys.argv[2], num_threads=1)
model.allocate_tensors()  # only this brings in the delegate that LiteRT uses, too
run = model.get_signature_runner(sys.argv[5])
(name,) = run.get_input_details()
found = [run(**{name: image[None]}) for image in np.load(sys.argv[3])]
np.savez(sys.argv[4], **{key: np.concatenate([one[key] for one in found]) for key in found[0]})
"""


@pytest.fixture(scope="module")
def second_python() -> Path:
    """Python of an environment that holds TensorFlow of `VERSION`; made once and kept for later runs."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pose-distill"
    number = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = base / f"tensorflow-{VERSION}-python{number}"
    python, complete = folder / "bin" / "python", folder / "complete"
    base.mkdir(parents=True, exist_ok=True)
    with (base / f"{folder.name}.lock").open("w") as lock:
        # Parallel test processes wait for the first.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return python
        venv.create(folder, with_pip=True, clear=True)
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", f"tensorflow-cpu=={VERSION}"]
        installed = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        if installed.returncode:
            reason = next(iter(installed.stderr.strip().splitlines()[-1:]), "no reason given")
            pytest.skip(f"tensorflow-cpu {VERSION} cannot be installed from the package registry: {reason}")
        complete.touch()
    return python


@pytest.fixture(scope="module")
def shipped(exported, photographs, tmp_path_factory) -> tuple[Path, np.ndarray]:
    """The exported student and real photographs (3, S, S, 3) uint8 of its input's size."""
    weights = Path(students.__file__).parent / "weights" / "attention_xs.safetensors"
    network, info = load_network(weights)
    photographs = np.stack([cv2.resize(photograph, info.input_size) for photograph in photographs])
    path = tmp_path_factory.mktemp("shipped") / "student.tflite"
    export(network, path, photographs=photographs, **(exported.settings | {"input_size": info.input_size}))
    return path, photographs


@pytest.mark.parametrize("precision", TOLERANCE)
def test_outputs_are_those_of_litert(second_python, shipped, tmp_path, precision):
    path, photographs = shipped
    io = "int8" if precision == "int8" else "float32"
    content = quantise(path.read_bytes(), Quantisation(precision, io=io), photographs)
    run = interpreter(content, 1, path).get_signature_runner(SIGNATURE)
    ((name, detail),) = run.get_input_details().items()
    images = to_stored(photographs, detail)
    wanted = [run(**{name: image[None]}) for image in images]

    files = [tmp_path / file for file in ("student.tflite", "images.npy", "outputs.npz")]
    files[0].write_bytes(content)
    np.save(files[1], images)
    command = [second_python, "-I", "-c", PROGRAM, VERSION, *files, SIGNATURE]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    with np.load(files[2], allow_pickle=False) as found:
        assert set(found) == set(wanted[0])
        for key in found:
            expected = np.concatenate([one[key] for one in wanted]).astype(np.float64)
            error = np.abs(found[key] - expected).max() / (1 if precision == "int8" else np.ptp(expected))
            print(f"{precision} {key}: {error:.1e}")
            assert found[key].dtype == wanted[0][key].dtype
            assert error <= TOLERANCE[precision], key
