"""distill-data check: tables, JSON and exit codes."""

import json
import shutil

import pytest

from distill.commands.data import main


def run(*arguments):
    return main(["check", *map(str, arguments)])


@pytest.fixture
def broken(tiny_synthetic, tmp_path):
    """A set whose val2017 is no JSON and of whose train2017 one photograph is cut."""
    root = shutil.copytree(tiny_synthetic, tmp_path / "set")
    (root / "annotations" / "person_keypoints_val2017.json").write_text('{"images": [')
    photograph = min((root / "train2017").iterdir())
    photograph.write_bytes(photograph.read_bytes()[:-300])
    return root


def test_a_good_set(tiny_synthetic, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert run(tiny_synthetic, "--strict", "--out", out) == 0
    printed = capsys.readouterr().out
    assert "train2017" in printed and "val2017" in printed and "nothing looks wrong" in printed
    report = json.loads(out.read_text())
    assert report["splits"]["val2017"]["photographs"]["all"] == 12 and report["photographs_look_wrong"] == []
    assert report["splits"]["train2017"]["format"] == "coco" and report["splits"]["train2017"]["looks_wrong"] == []


def test_all_faults_are_told_and_strict_fails(broken, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert run(broken, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "val2017: looks wrong: " in printed and "is not JSON" in printed
    assert "photographs of train2017 that cannot be used: 1" in printed and "nothing looks wrong" not in printed
    report = json.loads(out.read_text())
    assert "is not JSON" in report["splits"]["val2017"]["refused"] and len(report["photographs_look_wrong"]) == 1
    assert run(broken, "--strict") == 1
    assert "2 kinds of things look wrong, first: photographs of train2017" in capsys.readouterr().err
    assert run(broken, "--strict", "--split", "train2017", "--decode", "false") == 0


def test_photographs_alone_and_one_file(shared, tmp_path, capsys):
    assert run(shared / "coco_mini" / "val2017", "--decode", "false") == 0
    printed = capsys.readouterr().out
    assert "photographs in which nobody is annotated: 84" in printed and "nothing looks wrong" in printed
    assert run(shared / "coco_mini" / "annotations" / "person_keypoints_train2017.json", "--decode", "false") == 0
    assert "226" in capsys.readouterr().out


def test_what_is_no_set(tmp_path, capsys):
    assert run(tmp_path / "no") == 1
    assert "is no folder and no file" in capsys.readouterr().err
    assert run(tmp_path) == 0
    assert "holds no split" in capsys.readouterr().out
    assert run(tmp_path, "--strict") == 1
