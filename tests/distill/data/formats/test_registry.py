"""A kind of data set, and a skeleton, come from files outside the package and are then as good as any."""

import importlib.util
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from distill.commands.cache import main as cache_main
from distill.commands.data import main as data_main
from distill.data.formats.registry import FORMATS
from distill.data.keypoint_set import KeypointSet, open_data
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.pose.skeleton import COCO_17, Skeleton, get_skeleton
from distill.system.errors import InputError

TABLE_FORMAT = '''
"""Persons of two joints in a table: picture, x and y of head and foot."""

import csv
import hashlib

import numpy as np

from distill.data.annotations import AnnotatedSplit, Annotations, PackedValues
from distill.data.formats.registry import FORMATS
from distill.pose.skeleton import Skeleton

OWN = Skeleton("stick", ("head", "foot"), (), (0.1, 0.1), (("head", "foot"),), ("head", "foot"))


@FORMATS.register("table")
class Table:
    layout = "{split}.csv"

    def splits(self, root):
        return sorted(file.stem for file in root.glob("*.csv"))

    def sniffs(self, source):
        return source.root is not None and source.split in self.splits(source.root)

    def read(self, source, skeleton):
        root, path = source.root, source.root / f"{source.split}.csv"
        rows = [[float(value) for value in row] for row in csv.reader(path.open())]
        count = len(rows)
        points = np.array([row[1:] for row in rows]).reshape(count, 2, 2)
        keypoints = np.concatenate([points, np.full((count, 2, 1), 2)], axis=2).astype(np.float32)
        low, high = points.min(axis=1) - 4, points.max(axis=1) + 4
        annotations = Annotations(
            ids=np.arange(count),
            image_ids=np.array([row[0] for row in rows], dtype=np.int64),
            boxes=np.concatenate([low, high - low], axis=1),
            keypoints=keypoints,
            is_crowd=np.zeros(count, dtype=bool),
            areas=(high - low).prod(axis=1),
            outlines=PackedValues([None] * count),
        )
        images = np.unique(annotations.image_ids)
        return AnnotatedSplit(
            skeleton=skeleton or OWN,
            image_ids=images,
            sizes=np.full((len(images), 2), 64),
            folder=root,
            files=np.array([f"{i}.png" for i in images]),
            annotations=annotations,
            annotation_file=path,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            category=4,
        )
'''


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Root of a set in a format that a file outside the package adds: two persons on picture 1, one on picture 2."""
    FORMATS.names()
    monkeypatch.setattr(FORMATS, "_entries", dict(FORMATS._entries))
    file = tmp_path / "table_format.py"
    file.write_text(TABLE_FORMAT)
    specification = importlib.util.spec_from_file_location("table_format", file)
    specification.loader.exec_module(importlib.util.module_from_spec(specification))
    root = tmp_path / "set"
    root.mkdir()
    (root / "val.csv").write_text("1,20,10,22,50\n1,40,12,44,52\n2,30,8,30,60\n")
    for number in (1, 2):
        Image.new("RGB", (64, 64), (90, 120, 90)).save(root / f"{number}.png")
    return root


def test_it_is_found_and_read_and_evaluated(table):
    data = open_data(DataSource(table, "val"), "auto")
    assert data.skeleton.joints == ("head", "foot") and data.joints_annotated(1).all() and data.category == 4
    assert [len(data.keypoints(i)) for i in data.image_ids] == [2, 1]
    assert data.photograph(2).shape == data.masks(2).shape == (64, 64, 3)
    truth = {i: (data.keypoints(i), np.ones(len(data.keypoints(i)))) for i in data.image_ids.tolist()}
    assert evaluate(truth, data)["ap"] == pytest.approx(1)


def test_it_is_shown_and_labelled_by_commands(table, tmp_path):
    sheet, store = tmp_path / "sheet.png", tmp_path / "labels.zarr"
    options = ["--skeleton", "auto", "--data.format", "table"]
    assert data_main(["show", "--data.root", str(table), "--data.split", "val", "--out", str(sheet), *options]) == 0
    assert cv2.imread(str(sheet)).std() > 5
    arguments = ["--data.root", str(table), "--data.split", "val", "--data.format", "table", "--skeleton", "auto"]
    arguments += ["--teacher.name", "oracle", "--teacher.input_size", "128", "--map_size", "64", "--evaluate", "true"]
    assert cache_main(["build", *arguments, "--out", str(store)]) == 0
    assert json.loads((store / "evaluation.json").read_text())["ap"] > 0.9
    assert cache_main(["view", str(store), "--out", str(tmp_path / "view.png")]) == 0
    assert cache_main(["verify", str(store), "--data.root", str(table)]) == 0


def test_a_folder_of_two_formats_is_asked_about(table):
    (table / "annotations").mkdir()
    document = {"images": [], "annotations": [], "categories": []}
    (table / "annotations" / "person_keypoints_val.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"may be a set of format coco or table; say which by data.format"):
        KeypointSet(DataSource(table, "val"), None)
    assert len(KeypointSet(DataSource(table, "val", "table"), None)) == 2


def test_what_no_format_knows_says_what_each_looks_for(table):
    with pytest.raises(InputError, match=r"has no split test; its splits are val: choose by data.split"):
        KeypointSet(DataSource(table, "test"), None)
    with pytest.raises(InputError, match=r"format 'yolo' is unknown; choose from .*coco.*, table"):
        KeypointSet(DataSource(table, "val", "yolo"), None)
    with pytest.raises(InputError, match=r"val.csv is not a folder"):
        KeypointSet(DataSource(table / "val.csv", "val"), None)


@pytest.fixture
def puppets(write, tmp_path):
    """Root of a COCO set with three joints of its own."""
    joints = ["top", "L hand", "R hand"]
    categories = [{"id": 1, "name": "puppet", "keypoints": joints, "skeleton": [[1, 2], [1, 3]]}]
    write({"keypoints": [5, 3, 2, 3, 9, 2, 8, 9, 1]}, skeleton=None, categories=categories)
    return tmp_path


def test_a_skeleton_comes_from_the_annotations(puppets):
    data = open_data(DataSource(puppets, "train2017"), "auto")
    assert data.skeleton.name == "puppet_3" and data.skeleton.flip_pairs == (("L hand", "R hand"),)
    assert data.skeleton.limbs == (("top", "L hand"), ("top", "R hand"))
    assert Skeleton.from_plain(data.skeleton.plain()) == data.skeleton
    assert data.keypoints(7)[0, 2].tolist() == [8.5, 9.5, 1]


def test_a_skeleton_comes_from_a_file(puppets, tmp_path):
    file, sheet = tmp_path / "puppet.yaml", tmp_path / "sheet.png"
    file.write_text("joints: [top, L hand, R hand]\nlimbs: [[top, L hand]]\n")
    assert open_data(DataSource(puppets, "train2017"), str(file)).skeleton == get_skeleton(file)
    arguments = ["show", "--data.root", str(puppets), "--data.split", "train2017", "--out", str(sheet), "--skeleton"]
    assert data_main([*arguments, str(file)]) == 0
    assert cv2.imread(str(sheet)) is not None


def test_the_joints_of_another_skeleton_are_one_line(puppets, capsys):
    assert data_main(["show", "--skeleton", "coco_17", "--data.root", str(puppets), "--data.split", "train2017"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "joint 1 is 'top' instead of 'nose'" in line and "--skeleton auto" in line and "YAML" in line


def test_joints_of_coco_are_cocos_skeleton(shared):
    assert open_data(DataSource(shared / "coco_mini", "val2017"), "auto").skeleton == COCO_17
