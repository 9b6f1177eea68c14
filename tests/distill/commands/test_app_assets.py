"""What the Android app carries."""

import json
from pathlib import Path

import cv2
import pytest

import students
from distill.commands.app_assets import AssetsConfig, main, write_assets
from distill.system.errors import InputError

SHIPPED = Path(students.__file__).parent / "weights" / "attention_xs.safetensors"


@pytest.mark.slow
def test_student_and_scenes_take_the_place_of_the_old_ones(tmp_path, capsys):
    out = tmp_path / "assets"
    (out / "scenes").mkdir(parents=True)
    (out / "scenes" / "9.png").touch()
    trained = tmp_path / "none.safetensors"
    assert main([str(trained), "--out", str(out)]) == 1
    assert capsys.readouterr().err == f"app_assets: checkpoint {trained} does not exist\n"
    assert [file.name for file in (out / "scenes").iterdir()] == ["9.png"], "a failure leaves what was there"

    info = write_assets(AssetsConfig(SHIPPED, out, scenes=2))
    assert sorted(str(file.relative_to(out)) for file in out.rglob("*.*")) == [
        *("scenes/0.png", "scenes/1.png", "student.json", "student.tflite"),
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["assets"]
    described = json.loads((out / "student.json").read_text())
    assert described["source"]["step"] == info.step > 0
    assert described["model"]["file"] == "student.tflite"
    assert cv2.imread(str(out / "scenes" / "0.png")).shape == (256, 256, 3)


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="was not written by this command"):
        AssetsConfig(SHIPPED, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_no_scene_is_refused(tmp_path):
    with pytest.raises(InputError, match="scenes must be at least 1, not 0"):
        AssetsConfig(SHIPPED, tmp_path / "assets", scenes=0)
