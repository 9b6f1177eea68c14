"""Stages: one command trains them all, each from the one before, and goes on where it was stopped."""

import signal
import time

import pytest
import torch
import yaml

from distill.commands import train
from distill.commands.cli import load_config
from distill.commands.train_stages import stage_configs
from distill.networks.checkpoint import read_checkpoint
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.config import TrainConfig

RECIPE = {
    "model": "attention_xs",
    "input_size": 64,
    "batch_size": 4,
    "steps": 6,
    "precision": "float32",
    "ema_decay": 0.0,
    "loss": {"alpha": 0.0},
    "optimizer": {"name": "adamw"},
    "schedule": {"name": "cosine", "peak": 0.002, "warmup": 0},
    "log": {"minival_images": 2, "images_every": 0, "histograms_every": 2, "minival_every": 0, "checkpoint_every": 2},
    "stages": {
        "frozen": {"freeze": ["backbone"], "steps": 4},
        "fine": {"schedule.peak": 0.0002, "optimizer": {"name": "sgd", "momentum": 0.5}},
    },
}


@pytest.fixture
def recipe(tiny_synthetic, tmp_path):
    path = tmp_path / "recipe.yaml"
    data = {"root": str(tiny_synthetic), "workers": 0}
    path.write_text(yaml.safe_dump(RECIPE | {"data": data, "out": str(tmp_path / "run")}, sort_keys=False))
    return path


def state_of(path):
    return read_checkpoint(path)[1]


def test_each_stage_starts_from_the_one_before(recipe, tmp_path, capsys):
    assert train.main(["--config", str(recipe)]) == 0
    said = capsys.readouterr().out
    assert "frozen: 4 steps done" in said and "fine: 6 steps done" in said
    frozen, fine = (tmp_path / "run" / name / "last.safetensors" for name in ("frozen", "fine"))
    first, last = read_checkpoint(frozen)[0], read_checkpoint(fine)[0]
    assert first.config["freeze"] == ["backbone"] and last.config["freeze"] == []
    assert last.config["weights"] == str(frozen)
    assert last.config["optimizer"] == {"name": "sgd", "momentum": 0.5}
    assert last.config["schedule"]["peak"] == 0.0002 and last.config["stages"] == {}
    assert train.main(["--config", str(recipe)]) == 1
    assert "already holds a run; set resume to auto" in capsys.readouterr().err


def test_what_is_frozen_stays_as_it_was(recipe, tmp_path):
    """Statistics included, after histograms and a minival have looked at the network in evaluation mode."""
    config = load_config(TrainConfig, recipe, {"stages.frozen.steps": 2})
    train.train(config)
    early = state_of(tmp_path / "run" / "frozen" / "last.safetensors")
    config = load_config(TrainConfig, recipe, {"stages.frozen.steps": 5, "out": tmp_path / "longer"})
    train.train(config)
    late = state_of(tmp_path / "longer" / "frozen" / "last.safetensors")
    same = {key for key in early if torch.equal(early[key], late[key])}
    assert {key for key in early if key.startswith("backbone.") and "num_batches" not in key} <= same
    assert not any(key.startswith("keypoints.") and key.endswith("weight") for key in same)
    tuned = state_of(tmp_path / "longer" / "fine" / "last.safetensors")
    assert not any(torch.equal(late[key], tuned[key]) for key in late if key.startswith("backbone.stem.0"))


def test_a_stopped_run_goes_on_in_its_stage(recipe, tmp_path, executable):
    import subprocess

    words = [str(executable("distill-train")), "--config", str(recipe), "--resume", "auto", "--steps", "4000"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    fine = tmp_path / "run" / "fine" / "last.safetensors"
    until = time.monotonic() + 120
    while not fine.exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 75, process.stderr.read()
    step = read_checkpoint(fine)[0].step
    frozen = (tmp_path / "run" / "frozen" / "last.safetensors").read_bytes()
    extra = ["--schedule.steps", "4000", "--stages.frozen.schedule.steps", "4", "--resume", "auto"]
    assert train.main(["--config", str(recipe), "--steps", str(step + 2), *extra]) == 0
    assert read_checkpoint(fine)[0].step == step + 2
    assert (tmp_path / "run" / "frozen" / "last.safetensors").read_bytes() == frozen


def test_settings_are_merged_and_written_down(recipe, tmp_path):
    configs = stage_configs(load_config(TrainConfig, recipe, {}))
    assert configs["frozen"].optimizer == Choice("adamw") and configs["frozen"].steps == 4
    written = yaml.safe_load((tmp_path / "run" / "fine.yaml").read_text())
    assert written["out"] == str(tmp_path / "run" / "fine") and "stages" not in written
    assert load_config(TrainConfig, tmp_path / "run" / "fine.yaml", {}) == configs["fine"]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"a/b": {}}, "stages names 'a/b'; a stage is a folder of out"),
        ({"a": {"out": "x"}}, "stages.a.out cannot be set: it is of the whole"),
        ({"a": {"stepps": 3}}, "a.yaml.*stepps"),
        ({"a": {"steps": 0}}, "steps, batch_size and accumulate must be at least 1"),
    ],
)
def test_stages_that_make_no_sense_are_told(recipe, stages, message):
    values = yaml.safe_load(recipe.read_text()) | {"stages": stages}
    recipe.write_text(yaml.safe_dump(values, sort_keys=False))
    with pytest.raises(InputError, match=message):
        stage_configs(load_config(TrainConfig, recipe, {}))
