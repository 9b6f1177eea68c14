"""distill-train ends whatever happens: within seconds, with the right exit code, one line, and no process left."""

import os
import subprocess
import sys

import pytest

FAULTS = {
    "loop": ("accelerate.Accelerator.backward", 3),
    "callback": ("rich.progress.Progress.update", 3),
    "worker": ("distill.data.keypoint_set.KeypointSet.photograph", 5),
    "minival": ("distill.training.minival.Minival.find", 1),
    "clean-up": ("distill.training.logbook.Logbook.close", 1),
}
"What raises, and at which call."
CODE = """
import functools, importlib
*module, kind, name = {target!r}.split(".")
kind = getattr(importlib.import_module(".".join(module)), kind)
before, calls = getattr(kind, name), []

@functools.wraps(before)
def broken(*arguments, **options):
    calls.append(1)
    if len(calls) >= {number}:
        raise KeyError("area")
    return before(*arguments, **options)

setattr(kind, name, broken)
"""


@pytest.fixture
def train(tiny_synthetic, tmp_path, repository):
    """Function that starts a training in a session of its own, by some processes."""
    started = []

    def start(*options, **environment):
        command = [sys.executable, "-m", "distill.commands.train", "--data.root", str(tiny_synthetic)]
        command += ["--out", str(tmp_path / "run"), "--input_size", "64", "--batch_size", "4", "--loss.alpha", "0"]
        command += ["--precision", "float32", "--log.minival_images", "4", "--log.minival_every", "3", *options]
        process = subprocess.Popen(
            command,
            cwd=repository,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"} | environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def is_running(session: int) -> bool:
    """Whether a process of the session is alive."""
    listed = subprocess.run(["ps", "-s", str(session), "-o", "stat="], capture_output=True, text=True)
    return any(not state.startswith("Z") for state in listed.stdout.split())


def fault(tmp_path, place: str) -> str:
    target, number = FAULTS[place]
    file = tmp_path / "fault.py"
    file.write_text(CODE.format(target=target, number=number))
    return str(file)


@pytest.mark.parametrize("place", FAULTS)
def test_an_unexpected_exception_ends_command_and_workers(train, tmp_path, place):
    steps = "3" if place == "clean-up" else "100000"
    process = train("--steps", steps, "--data.workers", "2", "--imports", fault(tmp_path, place))
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1, error
    assert error.startswith("distill-train: unexpected KeyError: 'area' in fault.py:")
    assert error.count("\n") == 1
    assert not is_running(process.pid)
