"""One file adds one thing: each of the seven from outside the packages, in one run from data to .tflite."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from distill.commands import cache, train
from distill.commands import eval as evaluation
from distill.commands import export as exporting
from distill.networks.checkpoint import read_checkpoint

EXTENSIONS = Path(__file__).with_name("extensions")
RECIPE = """
imports: [mine_format.py, mine_output.py, mine_student.py, mine_training.py]
skeleton: {skeleton}
model: {{name: mine, width: 12}}
outputs:
  inside: {{weight: 0.25}}
  tags: {{pull: 0.2}}
loss:
  alpha: 0.5
  terms:
    small_tags: {{weight: 0.01, power: 1.0}}
optimizer: {{name: rmsprop, smoothing: 0.8}}
schedule: {{name: halving, start: 0.004}}
input_size: [96, 64]
batch_size: 2
precision: float32
log: {{scalars_every: 1, minival_every: 1, minival_images: 4}}
"""


@pytest.fixture
def extensions(tmp_path):
    """A folder of one's own with a copy of each file."""
    return Path(shutil.copytree(EXTENSIONS, tmp_path / "mine"))


@pytest.fixture
def figures(tmp_path):
    """Root of a set of stick figures in the format that is added: red heads, green left and blue right feet."""
    rng = np.random.default_rng(3)
    for split, count in (("train2017", 8), ("val2017", 4)):
        folder = tmp_path / "figures" / split
        folder.mkdir(parents=True)
        rows = []
        for number in range(count):
            picture = np.full((64, 96, 3), 90, np.uint8)
            joints = rng.uniform((10, 6), (86, 58), (3, 2))
            for (x, y), colour in zip(joints, np.eye(3) * 255, strict=True):
                cv2.circle(picture, (int(x), int(y)), 4, colour[::-1].tolist(), cv2.FILLED)
            cv2.imwrite(str(folder / f"{number}.png"), picture)
            rows.append([number, *joints.round(2).ravel().tolist()])
        with (folder.parent / f"{split}.csv").open("w") as file:
            csv.writer(file).writerows(
                [["picture", *"head head left_foot left_foot right_foot right_foot".split()], *rows]
            )
    return tmp_path / "figures"


@pytest.fixture
def command(executable):
    """Function that runs a command in a process of its own."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess:
        words = [str(executable(name)), *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, timeout=300)

    return run


def scalars_of(run: Path, tag: str) -> dict[int, float]:
    log = EventAccumulator(str(run / "log"), size_guidance={"scalars": 0})
    log.Reload()
    return {event.step: event.value for event in log.Scalars(tag)}


def test_seven_files_from_data_to_a_model_for_the_phone(extensions, figures, tmp_path, capsys):
    root, skeleton = ["--data.root", str(figures)], str(extensions / "mine_skeleton.yaml")
    store, run, model = (str(tmp_path / name) for name in ("labels.zarr", "run", "mine.tflite"))
    mine = [str(extensions / name) for name in ("mine_format.py", "mine_teacher.py")]
    teacher = ["--teacher.name", "shaky_hand", "--teacher.shift", "0.25"]
    assert cache.main(["build", "--imports", *mine, *root, *teacher, "--skeleton", skeleton, "--out", store]) == 0
    assert json.loads((Path(store) / "zarr.json").read_text())["attributes"]["teacher"]["shift"] == 0.25

    recipe = extensions / "recipe.yaml"
    recipe.write_text(RECIPE.format(skeleton=skeleton))
    settings = ["--config", str(recipe), *root, "--data.soft_labels", store, "--out", run]
    assert train.main([*settings, "--steps", "2"]) == 0
    assert train.main([*settings, "--steps", "4", "--resume", "auto"]) == 0
    assert set(scalars_of(Path(run), "loss/inside")) == {1, 2, 3, 4}
    assert set(scalars_of(Path(run), "loss/small_tags")) == {1, 2, 3, 4}
    rates = scalars_of(Path(run), "learning_rate")
    # The second minival brought nothing new, and the schedule still knows so after the run was resumed.
    assert [rates[1], rates[2], rates[3]] == pytest.approx([0.004, 0.004, 0.002])

    checkpoint = str(Path(run) / "last.safetensors")
    info, *_ = read_checkpoint(checkpoint)
    assert info.model == {"name": "mine", "width": 12}
    assert info.skeleton.joints == ("head", "left_foot", "right_foot")
    assert info.outputs["inside"] == {"weight": 0.25}
    assert evaluation.main([checkpoint, *root, "--data.split", "val2017"]) == 0
    assert exporting.main([checkpoint, "--out", model]) == 0
    described = json.loads(Path(model).with_suffix(".json").read_text())
    (inside,) = (output for output in described["outputs"] if output["kind"] == "inside")
    assert "shows the photograph" in inside["meaning"]
    assert (inside["stride"], inside["shape"]) == (4, [1, 16, 24, 1])
    assert evaluation.main([model, *root, "--data.split", "val2017"]) == 0


def test_a_checkpoint_brings_its_files_along_into_another_process(extensions, figures, tmp_path, command):
    """Evaluated by a process that was never told of them; not where this user never chose them."""
    recipe = extensions / "recipe.yaml"
    recipe.write_text(RECIPE.format(skeleton=extensions / "mine_skeleton.yaml"))
    root = ["--data.root", figures, "--loss.alpha", 0]
    trained = command("distill-train", "--config", recipe, *root, "--out", tmp_path / "run", "--steps", 1)
    assert trained.returncode == 0, trained.stderr
    checkpoint = tmp_path / "run" / "last.safetensors"
    assert command("distill-eval", checkpoint, "--data.root", figures).returncode == 0
    student = extensions / "mine_student.py"
    student.write_text(student.read_text().replace("width: int = 8", "width: int = 9"))
    refused = command("distill-eval", checkpoint, "--data.root", figures)
    assert refused.returncode == 1
    assert "mine_student.py" in refused.stderr and "--imports" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
