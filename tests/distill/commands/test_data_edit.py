"""distill-data convert, merge and split."""

import json
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
import yaml

from distill.commands.data import main
from distill.data.keypoint_set import KeypointSet, open_data
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, COCO_FOOT_23, LSP_14, get_skeleton


def run(*arguments):
    return main([str(argument) for argument in arguments])


def failure(capsys, *arguments):
    """The one line that the command prints when it fails."""
    assert run(*arguments) != 0
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert last.startswith("distill-data: ")
    return last


@pytest.fixture(scope="module")
def yolo(tiny_synthetic, tmp_path_factory):
    out = tmp_path_factory.mktemp("yolo") / "set"
    assert run("convert", tiny_synthetic, out, "--to", "yolo_pose", "--photographs", "link") == 0
    return out


def test_convert_there_and_back(tiny_synthetic, yolo, tmp_path, capsys):
    assert sorted(path.name for path in yolo.iterdir()) == ["data.yaml", "images", "labels"]
    assert run("convert", yolo, tmp_path / "coco") == 0
    printed = capsys.readouterr().out
    assert "train, 24 photographs" in printed and "val, 12 photographs" in printed
    before = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    after = KeypointSet(DataSource(tmp_path / "coco", "val"), COCO_17)
    assert before.image_ids.tolist() == after.image_ids.tolist()
    for image_id in before.image_ids.tolist():
        assert np.allclose(before.keypoints(image_id), after.keypoints(image_id), atol=2e-3)
        assert np.array_equal(before.photograph(image_id), after.photograph(image_id))


def test_one_split_and_what_cannot_be_converted(tiny_synthetic, tmp_path, capsys):
    assert run("convert", tiny_synthetic, tmp_path / "a", "--split", "val2017", "--to", "yolo_pose") == 0
    assert yaml.safe_load((tmp_path / "a" / "data.yaml").read_text()).keys() & {"train", "val", "test"} == {"val"}
    assert "to must be coco or yolo_pose" in failure(capsys, "convert", tiny_synthetic, tmp_path / "b", "--to", "voc")
    assert "has no split dev" in failure(capsys, "convert", tiny_synthetic, tmp_path / "b", "--split", "dev")
    assert "is no folder and no file" in failure(capsys, "convert", tmp_path / "no", tmp_path / "b")
    assert "is there already" in failure(capsys, "convert", tiny_synthetic, tmp_path / "a")
    assert "photographs must be copy or link" in failure(
        capsys, "convert", tiny_synthetic, tmp_path / "b", "--photographs", "move"
    )
    assert not (tmp_path / "b").exists() and not list(tmp_path.glob(".*"))


def test_convert_to_other_joints(shared, tmp_path, capsys):
    lsp = tmp_path / "lsp"
    (lsp / "images").mkdir(parents=True)
    shutil.copy(shared / "real" / "joints.mat", lsp)
    for photograph in sorted((shared / "real" / "photographs").iterdir())[:5]:
        shutil.copy(photograph, lsp / "images")
    assert run("convert", lsp, tmp_path / "seventeen", "--joints", "coco_17", "--photographs", "link") == 0
    told = capsys.readouterr().err
    assert "joints that coco_17 lacks are left out: neck, head_top" in told
    assert "joints that it does not annotate: nose, left_eye, right_eye, left_ear, right_ear" in told
    before = KeypointSet(DataSource(lsp, ""), LSP_14)
    after = KeypointSet(DataSource(tmp_path / "seventeen", "default"), COCO_17)
    assert after.image_ids.tolist() == before.image_ids.tolist() and len(after) == 5
    for image_id in after.image_ids.tolist():
        assert after.joints_annotated(image_id).tolist() == [False] * 5 + [True] * 12
        own, new = (data.keypoints(image_id) for data in (before, after))
        for joint in COCO_17.joints[5:]:
            there = own[:, LSP_14.joints.index(joint)]
            np.testing.assert_allclose(new[:, COCO_17.joints.index(joint)], there, atol=2e-3)

    other = tmp_path / "paws.yaml"
    other.write_text("joints: [left_paw, right_paw]\nflip_pairs: [[left_paw, right_paw]]\n")
    message = failure(capsys, "convert", lsp, tmp_path / "paws", "--joints", other)
    assert "none of its joints, right_ankle, " in message and "give a skeleton that has some of them" in message
    assert not (tmp_path / "paws").exists()


def test_merge_of_two_formats(tiny_synthetic, yolo, shared, tmp_path, capsys):
    (tmp_path / "lsp" / "images").mkdir(parents=True)
    shutil.copy(shared / "real" / "joints.mat", tmp_path / "lsp")
    for photograph in sorted((shared / "real" / "photographs").iterdir())[:5]:
        shutil.copy(photograph, tmp_path / "lsp" / "images")
    assert run("merge", tiny_synthetic, yolo, tmp_path / "lsp", "--out", tmp_path / "all", "--photographs", "link") == 0
    printed = capsys.readouterr().out
    assert "19 joints, coco_17_and_lsp_14" in printed
    assert "train2017, 53 photographs" in printed and "val2017, 24 photographs" in printed
    data = open_data(DataSource(tmp_path / "all", "train2017"), str(tmp_path / "all" / "skeleton.yaml"))
    assert len(data) == 53 and data.skeleton.joints[-2:] == ("neck", "head_top")
    annotated = np.array([data.joints_annotated(image_id) for image_id in data.image_ids.tolist()])
    assert (annotated[:, 17:].all(axis=1).sum(), annotated[:, :5].all(axis=1).sum()) == (5, 48)


def test_merge_joins_feet(shared, tmp_path, capsys):
    mini = shared / "coco_mini"
    document = json.loads((mini / "annotations" / "person_keypoints_val2017.json").read_text())
    kept = [a for a in document["annotations"] if not a["iscrowd"] and sum(a["keypoints"][2::3]) > 8][:4]
    for annotation in kept:
        annotation["keypoints"] += [20, 30, 2] * 6
    document["annotations"] = kept
    document["categories"] = [{"id": 1, "name": "person", "keypoints": list(COCO_FOOT_23.joints)}]
    (tmp_path / "annotations").mkdir()
    feet = tmp_path / "annotations" / "person_keypoints_val2017_foot_v1.json"
    feet.write_text(json.dumps(document))
    (tmp_path / "val2017").symlink_to(mini / "val2017")
    out = tmp_path / "out"
    assert run("merge", mini, feet, "--out", out, "--join_by", "annotation_id", "--photographs", "link") == 0
    assert "23 joints, coco_foot_23" in capsys.readouterr().out
    before, after = KeypointSet(DataSource(mini), COCO_17), KeypointSet(DataSource(out), COCO_FOOT_23)
    assert len(before.annotations) == len(after.annotations) and not (out / "skeleton.yaml").exists()
    owners = {annotation["image_id"] for annotation in kept}
    for image_id in before.image_ids.tolist():
        assert np.allclose(before.keypoints(image_id), after.keypoints(image_id)[:, :17], atol=1e-3)
        assert after.joints_annotated(image_id)[17:].all() == (image_id in owners)
    assert sum((after.keypoints(image_id)[:, 17:, 2] > 0).any(axis=1).sum() for image_id in owners) == len(kept)


def test_joints_under_other_names(tiny_synthetic, tmp_path, capsys):
    shutil.copytree(tiny_synthetic, tmp_path / "mine")
    for file in (tmp_path / "mine" / "annotations").iterdir():
        names = {"left_hip": "L Hip", "right_hip": "R Hip", "nose": "snout"}
        text = file.read_text()
        for old, new in names.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        file.write_text(text)
    words = ["merge", tiny_synthetic, tmp_path / "mine", "--out", tmp_path / "out", "--photographs", "link"]
    assert run(*words, "--rename", "snout=nose") == 0
    printed = capsys.readouterr()
    assert "17 joints, coco_17" in printed.out and "L Hip is left_hip, R Hip is right_hip" in printed.err
    assert "has no joint 'snout'" in failure(capsys, *words[:4], tmp_path / "b", "--skeleton", "coco_17")
    assert run(*words[:4], tmp_path / "b") == 0
    assert "18 joints" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "{tmp}/o"], "merge takes two sets or more"),
        (["{set}"], "out is not set"),
        (["{set}", "--out", "{tmp}/o", "--rename", "a"], "rename takes old=new"),
        (["{set}", "--out", "{tmp}/o", "--join_by", "name"], "join_by must be annotation_id"),
        (["{set}", "{set}", "--out", "{tmp}/o", "--join_by", "annotation_id"], "join_by takes two sets"),
        (["{tmp}/no", "--out", "{tmp}/o"], "is no folder and no file"),
    ],
)
def test_what_merge_refuses(tiny_synthetic, tmp_path, capsys, words, message):
    words = [word.format(set=tiny_synthetic, tmp=tmp_path) for word in words]
    assert message in failure(capsys, "merge", tiny_synthetic, *words)
    assert not (tmp_path / "o").exists()


def test_split_holds_a_share_back_and_keeps_duplicates_together(tiny_synthetic, tmp_path, capsys):
    shutil.copytree(tiny_synthetic, tmp_path / "mine")
    folder = tmp_path / "mine" / "train2017"
    file = tmp_path / "mine" / "annotations" / "person_keypoints_train2017.json"
    document = json.loads(file.read_text())
    twin = document["images"][0]
    shutil.copy(folder / twin["file_name"], folder / "twin.jpg")
    document["images"].append(twin | {"id": 9999, "file_name": "twin.jpg"})
    file.write_text(json.dumps(document))
    assert "has the splits train2017, val2017; say with --split" in failure(capsys, "split", tmp_path / "mine")
    for seed in (0, 0, 1):
        out = tmp_path / f"out{len(list(tmp_path.glob('out*')))}"
        words = ["split", tmp_path / "mine", "--split", "train2017", "--val", "0.3", "--seed", seed, "--out", out]
        assert run(*words) == 0
    assert "1 groups of near duplicates are kept together" in capsys.readouterr().out
    held = []
    for number in range(3):
        parts = [
            KeypointSet(DataSource(tmp_path / f"out{number}", f"{s}2017"), COCO_17).image_ids for s in ("train", "val")
        ]
        assert sorted([*parts[0], *parts[1]]) == sorted(image["id"] for image in document["images"])
        assert 5 <= len(parts[1]) <= 8 and len({twin["id"], 9999} & set(parts[1].tolist())) in (0, 2)
        held.append(parts[1].tolist())
    assert held[0] == held[1] != held[2]


def test_split_of_photographs_alone_lands_beside_them(shared, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    for photograph in sorted((shared / "real" / "photographs").iterdir())[:8]:
        shutil.copy(photograph, tmp_path / "mine")
    assert run("split", tmp_path / "mine", "--val", "0.25") == 0
    out = tmp_path / "mine_split"
    assert len(KeypointSet(DataSource(out, "train2017"), COCO_17)) == 6
    assert not KeypointSet(DataSource(out, "val2017"), get_skeleton("coco_17")).annotations.ids.size
    assert "is there already" in failure(capsys, "split", tmp_path / "mine")
    assert "cannot be divided" in failure(capsys, "split", tmp_path / "mine", "--val", "0.999", "--out", tmp_path / "o")
    assert "val must lie between 0 and 1" in failure(capsys, "split", tmp_path / "mine", "--val", "1.5")


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_merge_that_is_stopped_leaves_no_set(tiny_synthetic, executable, tmp_path, signal_number):
    words = ["merge", *[tiny_synthetic] * 12, "--out", tmp_path / "out"]
    process = subprocess.Popen([executable("distill-data"), *map(str, words)], stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(".out.*.unfinished/*/*")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal_number)
    assert process.wait(30) != 0
    assert not (tmp_path / "out").exists()
    assert bool(list(tmp_path.iterdir())) == (signal_number != signal.SIGINT)
    assert run(*words, "--photographs", "link") == 0
    assert len(KeypointSet(DataSource(tmp_path / "out", "train2017"), COCO_17)) == 12 * 24
