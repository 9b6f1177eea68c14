"""The batch scripts, run as plain scripts: what they pass on is what the commands take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def batch(repository, tmp_path):
    """Run a batch script in an empty folder with the environment variables that it documents."""

    def run(script: str, *arguments: str, **variables: object) -> subprocess.CompletedProcess:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path} | {name: str(value) for name, value in variables.items()}
        command = ["bash", str(repository / "jobs" / "slurm" / script), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def test_labels_training_and_evaluation(batch, tiny_synthetic, repository, tmp_path):
    labels = batch("teacher_cache.sh", "--map_size", "64", DATA_ROOT=tiny_synthetic, TEACHER="demo")
    assert labels.returncode == 0, labels.stderr
    store = tmp_path / "labels_train2017.zarr"
    assert (store / "evaluation.json").exists()
    recipe = repository / "distill" / "recipes" / "demo.yaml"
    verification = batch("verify_cache.sh", DATA_ROOT=tiny_synthetic)
    assert verification.returncode == 0, verification.stderr
    variables = {"RECIPE": recipe, "DATA_ROOT": tiny_synthetic, "STORE": store, "RUN": tmp_path / "run"}
    options = ("--input_size", "64", "--log.minival_images", "4")
    for steps in ("2", "4"):
        training = batch("train.sh", "--steps", steps, *options, **variables)
        assert training.returncode == 0, training.stderr
        assert f"{steps} steps done" in training.stdout
    evaluation = batch("evaluate.sh", MODEL=tmp_path / "run" / "last.safetensors", DATA_ROOT=tiny_synthetic)
    assert evaluation.returncode == 0, evaluation.stderr
    assert "on 12 photographs of val2017" in evaluation.stdout


@pytest.mark.parametrize("script", ["teacher_cache.sh", "verify_cache.sh", "train.sh", "evaluate.sh", "pipeline.sh"])
def test_a_variable_that_is_not_set_is_named(batch, script):
    finished = batch(script)
    assert finished.returncode != 0
    assert "set " in finished.stderr
