import json

import cv2
import pytest

from distill.commands.data import main


def _synthesize(root, *arguments):
    return main(["synthesize", str(root), "--size", "64", "--workers", "1", *arguments])


def test_synthesize_then_show(tmp_path, capsys):
    root, sheet = tmp_path / "set", tmp_path / "sheet.png"
    assert _synthesize(root, "--images", "5", "--split", "val2017", "--scenes.max_persons", "2") == 0
    assert "persons_per_image" in capsys.readouterr().out
    document = json.loads((root / "annotations" / "person_keypoints_val2017.json").read_text())
    assert document["info"]["scenes"]["max_persons"] == 2
    assert len(list((root / "val2017").glob("*.jpg"))) == len(document["images"]) == 5
    options = ["--out", str(sheet), "--limit", "4", "--columns", "2", "--cell", "96"]
    assert main(["show", "--data.root", str(root), *options]) == 0
    height, width = cv2.imread(str(sheet)).shape[:2]
    assert height > 2 * 96 and width > 2 * 96


def test_show_draws_photographs(shared, tmp_path):
    sheet = tmp_path / "sheet.jpg"
    assert main(["show", "--data.root", str(shared / "coco_mini"), "--out", str(sheet), "--limit", "3"]) == 0
    assert cv2.imread(str(sheet)).std() > 20


def test_synthesize_reads_a_recipe(tmp_path):
    recipe = tmp_path / "scenes.yaml"
    recipe.write_text("images: 2\nsize: 48\nworkers: 1\nscenes:\n  max_persons: 1\n")
    assert main(["synthesize", str(tmp_path / "set"), "--config", str(recipe)]) == 0
    document = json.loads((tmp_path / "set" / "annotations" / "person_keypoints_train2017.json").read_text())
    assert [image["width"] for image in document["images"]] == [48, 48]
    assert len(document["annotations"]) == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--images", "0"], "images 0"),
        (["--size", "7"], "size 7"),
        (["--scenes.min_persons", "5"], "min_persons 5"),
        (["--split", "a/b"], "split 'a/b'"),
    ],
)
def test_a_wrong_value_is_one_line(tmp_path, capsys, arguments, named):
    assert _synthesize(tmp_path / "set", *arguments) != 0
    message = capsys.readouterr().err.strip()
    assert named in message and "\n" not in message
    assert not (tmp_path / "set").exists()


def test_a_split_that_is_there_is_one_line(tmp_path, capsys):
    assert _synthesize(tmp_path, "--images", "1") == 0
    assert _synthesize(tmp_path, "--images", "1", "--seed", "1") == 1
    assert "--overwrite" in capsys.readouterr().err
    assert _synthesize(tmp_path, "--images", "1", "--seed", "1", "--overwrite", "true") == 0


def test_an_unwritable_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert _synthesize(tmp_path / "file" / "set", "--images", "1") == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_showing_nothing_is_one_line(tmp_path, capsys):
    assert main(["show", "--data.root", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err
    assert main(["show", "--data.root", str(tmp_path), "--cell", "0"]) != 0
    assert "cell must be at least 1, not 0" in capsys.readouterr().err
