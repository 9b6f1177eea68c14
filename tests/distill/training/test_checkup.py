"""The look before a long training: all is well with what is well, and each fault is found by its check."""

from dataclasses import replace

import cv2
import pytest
import torch
from torch import nn

from distill.commands import train
from distill.system.choice import Choice
from distill.training import checkup
from distill.training.checkup import check_up
from distill.training.objective import LossConfig


@pytest.fixture
def checked(quiet, labels):
    """A configuration with soft labels."""
    data = replace(quiet.data, soft_labels=labels)
    return replace(quiet, data=data, loss=LossConfig(alpha=0.5), batch_size=8)


def wrong(config) -> list[str]:
    return [finding.name for finding in check_up(config) if not finding.is_good]


def test_a_sound_training_passes_and_leaves_a_picture_alone(checked):
    findings = check_up(checked)
    assert [finding.name for finding in findings if not finding.is_good] == []
    assert "24 photographs, 24 annotated, 24 with soft labels" in findings[0].found
    assert [path.name for path in checked.out.iterdir()] == [checkup.PICTURE]
    assert cv2.imread(str(checked.out / checkup.PICTURE)).std() > 10


def test_a_network_of_several_stages_is_looked_over_like_any(checked):
    findings = check_up(replace(checked, model=Choice("hourglass_2")))
    assert findings[2].is_good and findings[-1].name == "learning by heart"


def test_missing_labels_are_found(checked, oracle_store):
    store = oracle_store(shards=[0])
    partial = replace(checked.data, soft_labels=str(store.url), skip_unlabelled=True)
    findings = check_up(replace(checked, data=partial))
    assert "16 of 24 photographs have no soft label" in findings[0].found


def test_a_network_that_mixes_samples_is_found(checked, monkeypatch):
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda self, x: x - x.mean((0, 2, 3), keepdim=True))
    assert "gradients of a sample" in wrong(checked)


def test_a_network_that_does_not_learn_is_found(checked, monkeypatch):
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, closure=None: None)
    assert wrong(checked) == ["learning by heart"]


def test_a_network_that_starts_wild_is_found(checked, monkeypatch):
    monkeypatch.setattr("students.outputs._SMALL", 3.0)
    assert "loss at the start" in wrong(checked)


def test_the_command_prints_a_table_and_fails_with_a_line(checked, tiny_synthetic, tmp_path, monkeypatch, capsys):
    words = ["--data.root", str(tiny_synthetic), "--out", str(tmp_path / "run"), "--loss.alpha", "0", "--check"]
    words += ["--input_size", "64", "--batch_size", "4", "--precision", "float32"]
    assert train.main(words) == 0
    assert "learning by heart" in capsys.readouterr().out
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, closure=None: None)
    assert train.main(words) == 1
    assert capsys.readouterr().err == "distill-train: 1 of 6 checks failed: learning by heart\n"
    assert not (tmp_path / "run" / "last.safetensors").exists()
