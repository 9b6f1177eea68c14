"""docs/your_own_data.md, word for word: from the archives that annotation tools write to a .tflite."""

import json
import os
import re
import shlex
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distill.commands.data import main as data_main
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17

JOINTS = {"Head": 0, "L Hand": 9, "R Hand": 10, "L Foot": 15, "R Foot": 16}
"Of a skeleton of one's own, and which of COCO's they are."
LIMBS = [[1, 2], [1, 3], [1, 4], [1, 5]]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> KeypointSet:
    root = tmp_path_factory.mktemp("scenes")
    words = ["synthesize", str(root), "--images", "40", "--size", "160", "--seed", "3", "--split", "all"]
    assert data_main(words) == 0
    return KeypointSet(DataSource(root, "all"), COCO_17)


def document(scenes: KeypointSet, ids: list[int], folder: str = "") -> dict:
    """What COCO exports have in common, with the joints of the own skeleton."""
    persons = []
    for image_id in ids:
        for person in scenes.keypoints(image_id)[:, list(JOINTS.values())]:
            seen = person[person[:, 2] > 0]
            if len(seen) > 1:
                (x, y), (right, bottom) = seen[:, :2].min(axis=0).tolist(), seen[:, :2].max(axis=0).tolist()
                flat = ((person - (0.5, 0.5, 0)) * (person[:, 2:] > 0)).round(2).ravel().tolist()
                box = [x - 4, y - 4, right - x + 8, bottom - y + 8]
                persons.append({"image_id": image_id, "keypoints": flat, "bbox": box, "num_keypoints": len(seen)})
    images = [{"id": i, "file_name": folder + scenes.path(i).name, "width": 160, "height": 160} for i in ids]
    annotations = [{"id": number, "category_id": 1, "iscrowd": 0} | p for number, p in enumerate(persons, start=1)]
    category = {"id": 1, "name": "swimmer", "keypoints": list(JOINTS), "skeleton": LIMBS}
    return {"images": images, "annotations": annotations, "categories": [category]}


def cvat(scenes: KeypointSet, root: Path):
    content = document(scenes, scenes.image_ids.tolist())
    for annotation in content["annotations"]:
        annotation |= {"area": annotation["bbox"][2] * annotation["bbox"][3], "segmentation": []}
    (root / "annotations").mkdir(parents=True)
    (root / "annotations" / "person_keypoints_default.json").write_text(json.dumps(content))
    shutil.copytree(scenes.folder, root / "images" / "default")


def roboflow(scenes: KeypointSet, root: Path):
    ids = scenes.image_ids.tolist()
    for split, part in (("train", ids[:32]), ("valid", ids[32:])):
        (root / split).mkdir(parents=True)
        content = document(scenes, part)
        content["categories"].insert(0, {"id": 0, "name": "swimmers", "supercategory": "none"})
        for annotation in content["annotations"]:
            annotation |= {"area": annotation["bbox"][2] * annotation["bbox"][3], "segmentation": []}
        (root / split / "_annotations.coco.json").write_text(json.dumps(content))
        for image_id in part:
            shutil.copy(scenes.path(image_id), root / split)


def label_studio(scenes: KeypointSet, root: Path):
    content = document(scenes, scenes.image_ids.tolist(), folder="images\\")
    boxes = [a | {"id": a["id"] + 1000, "category_id": 0, "segmentation": []} for a in content["annotations"]]
    for box in boxes:
        del box["keypoints"], box["num_keypoints"]
    for annotation in content["annotations"]:
        del annotation["bbox"]
    content["annotations"] += boxes
    content["categories"].append({"id": 0, "name": "person"})
    shutil.copytree(scenes.folder, root / "images")
    (root / "result.json").write_text(json.dumps(content))


def commands_of(page: Path, section: str) -> list[str]:
    """The lines of code of a section."""
    (text,) = re.findall(rf"^## {section}\n(.*?)^## ", page.read_text(), re.M | re.S)
    return [line for block in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "write", "archive", "model"),
    [
        ("From CVAT", cvat, "cvat", "swimmers"),
        ("From Roboflow", roboflow, "roboflow", "gymnasts"),
        ("From Label Studio", label_studio, "label_studio", "climbers"),
    ],
)
def test_the_page_works_word_for_word(
    scenes, repository, executable, tmp_path, section: str, write: Callable, archive: str, model: str
):
    write(scenes, tmp_path / "exported")
    with zipfile.ZipFile(tmp_path / f"{archive}.zip", "w") as zipped:
        for file in (tmp_path / "exported").rglob("*"):
            zipped.write(file, file.relative_to(tmp_path / "exported"))
    for package in ("distill", "students"):
        (tmp_path / package).symlink_to(repository / package)
    path = f"{executable('distill-data').parent}{os.pathsep}{os.environ['PATH']}"
    commands = commands_of(repository / "docs" / "your_own_data.md", section)
    assert commands[0] == f"python3 -m zipfile -e {archive}.zip {model}" and len(commands) >= 6
    for line in commands:
        ran = subprocess.run(
            shlex.split(line),
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
    described = json.loads((tmp_path / f"{model}.json").read_text())
    assert described["skeleton"]["joints"] == list(JOINTS)
    assert described["skeleton"]["flip_pairs"] == [["L Hand", "R Hand"], ["L Foot", "R Foot"]]
    assert np.array(described["skeleton"]["limb_index"]).tolist() == (np.array(LIMBS) - 1).tolist()
    assert (tmp_path / f"{model}.tflite").stat().st_size > 100_000
