"""distill-eval on a checkpoint and on its export, and what it says of bad input."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from distill.commands import export
from distill.commands.eval import main
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import FIGURES, evaluate
from distill.evaluation.models import load_model
from distill.networks.checkpoint import save_checkpoint
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from mobile.packed import unpack

SIDE = 64


@pytest.fixture(scope="module")
def checkpoint(new_network, new_info, tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("run") / "best.safetensors"
    info = new_info("attention_xs", input_size=(SIDE, SIDE), step=7)
    save_checkpoint(path, info, new_network("attention_xs").state_dict())
    return path


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "student.tflite"
    assert export.main([str(checkpoint), "--out", str(path), "--photographs", "1"]) == 0
    return path


def failure(capsys, *arguments: object) -> str:
    """The one line that the command prints when it fails."""
    assert main([str(a) for a in arguments]) != 0
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("distill-eval: ")
    return err


def test_report_holds_figures_settings_and_checksums(checkpoint, tiny_synthetic, tmp_path, capsys):
    out, results = tmp_path / "new" / "report.json", tmp_path / "results.json"
    arguments = ["--data.root", tiny_synthetic, "--out", out, "--results", results, "--limit", 5, "--flip", "true"]
    options = ["--grouping.detection_threshold", 0, "--grouping.max_persons", 3, "--batch_size", 2, "--bootstrap", 9]
    assert main([str(a) for a in (checkpoint, *arguments, *options)]) == 0
    report = json.loads(out.read_text())
    assert report["images"] == 5 and report["settings"]["flip"] is True
    assert report["settings"]["grouping"]["max_persons"] == 3
    assert report["model_sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert report["model"] == {"input_size": [SIDE, SIDE], "skeleton": "coco_17", "network": "attention_xs", "step": 7}
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    assert report["annotation_sha256"] == data.annotation_sha256
    predictions = {i: ([], []) for i in data.image_ids[:5].tolist()}
    for found in json.loads(results.read_text()):
        persons, scores = predictions[found["image_id"]]
        persons.append(np.reshape(found["keypoints"], (-1, 3)) + (0.5, 0.5, 0))
        scores.append(found["score"])
    assert 0 < max(len(scores) for _, scores in predictions.values()) <= 3
    figures = evaluate(predictions, data, list(predictions))
    assert {name: report[name] for name in FIGURES} == pytest.approx(figures, abs=1e-9)
    low, high = report["ap_interval"]
    assert 0 <= low <= high <= 1
    printed = capsys.readouterr().out
    assert "best.safetensors on 5 photographs of val2017" in printed
    assert all(name in printed for name in (*FIGURES, "ap, 95 %"))


def test_a_checkpoint_is_evaluated_at_another_size(checkpoint, exported, tiny_synthetic, tmp_path, capsys):
    out = tmp_path / "report.json"
    arguments = ["--data.root", str(tiny_synthetic), "--out", str(out), "--limit", "2"]
    assert main([str(checkpoint), *arguments, "--input_size", "96", "64"]) == 0
    report = json.loads(out.read_text())
    assert report["model"]["input_size"] == [96, 64] and report["settings"]["input_size"] == [96, 64]
    capsys.readouterr()
    assert "input_size" in failure(capsys, checkpoint, *arguments, "--input_size", 100)
    assert "leave input_size out" in failure(capsys, exported, *arguments, "--input_size", 64)


def test_results_carry_the_category_of_the_set(checkpoint, tiny_synthetic, tmp_path, capsys):
    """They are then what pycocotools takes beside the annotation file, and the figures are equal."""
    document = json.loads((tiny_synthetic / "annotations" / "person_keypoints_val2017.json").read_text())
    document["categories"] = [{"id": 1, "name": "dog"}, document["categories"][0] | {"id": 3}]
    stray = document["annotations"][0] | {"id": 10**6, "category_id": 1}
    document["annotations"] = [a | {"category_id": 3} for a in document["annotations"]] + [stray]
    (tmp_path / "annotations").mkdir()
    file = tmp_path / "annotations" / "person_keypoints_val2017.json"
    file.write_text(json.dumps(document))
    (tmp_path / "val2017").symlink_to(tiny_synthetic / "val2017")
    out, results = tmp_path / "report.json", tmp_path / "results.json"
    arguments = [str(checkpoint), "--data.root", str(tmp_path), "--out", str(out), "--results", str(results)]
    assert main([*arguments, "--grouping.detection_threshold", "0", "--data.format", "coco"]) == 0
    assert "than 'person' are left out (1 of 'dog'): 1, first annotation 1000000" in capsys.readouterr().err
    found = json.loads(results.read_text())
    assert found and {person["category_id"] for person in found} == {3}
    annotated = COCO(str(file))
    evaluator = COCOeval(annotated, annotated.loadRes(str(results)), "keypoints")
    evaluator.params.catIds = [3]
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    report = json.loads(out.read_text())
    assert [report[name] for name in FIGURES] == [None if value < 0 else value for value in evaluator.stats]


def coco_of(root, source, change):
    """A split of its own with the photographs of another and its annotation file as `change` leaves it."""
    document = json.loads(source.annotation_file.read_text())
    change(document)
    (root / "annotations").mkdir()
    (root / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(document))
    (root / "val2017").symlink_to(source.folder.resolve())


def test_figure_that_does_not_exist_is_a_dash(checkpoint, tiny_synthetic, tmp_path, capsys):
    def shrink(document):
        for annotation in document["annotations"]:
            annotation["area"] = min(annotation["area"], 90**2)

    coco_of(tmp_path, KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17), shrink)
    out = tmp_path / "report.json"
    assert main([str(checkpoint), "--data.root", str(tmp_path), "--out", str(out)]) == 0
    assert json.loads(out.read_text())["ap_large"] is None
    assert [line.split()[-2] for line in capsys.readouterr().out.splitlines() if "ap_large" in line] == ["-"]


def test_nothing_to_measure_against_is_one_line(checkpoint, tiny_synthetic, tmp_path, capsys):
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    coco_of(tmp_path, data, lambda document: document.update(annotations=[]))
    for root in (tmp_path, data.folder):
        assert main([str(checkpoint), "--data.root", str(root)]) == 1
        *_, last = capsys.readouterr().err.strip().splitlines()
        assert "nobody has a labelled joint on these photographs of" in last


def test_photographs_nobody_annotated_have_results(checkpoint, tiny_synthetic, tmp_path, capsys):
    results = tmp_path / "persons.json"
    words = [str(checkpoint), "--data.root", str(tiny_synthetic / "val2017"), "--results", str(results)]
    assert main([*words, "--grouping.detection_threshold", "0", "--bootstrap", "3"]) == 0
    found = json.loads(results.read_text())
    assert found and {person["image_id"] for person in found} <= set(range(1, 13))
    assert "there are results and no figures" in capsys.readouterr().err


@pytest.mark.slow
def test_export_sees_what_the_checkpoint_sees(checkpoint, exported, tiny_synthetic, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    trained, model = load_model(checkpoint), load_model(exported)
    assert (trained.input_size, trained.skeleton) == (model.input_size, model.skeleton)
    maps, exported_maps = (m.predictor(GroupingConfig(), False).forward(images) for m in (trained, model))
    for name in ("heatmaps_s4", "tags_s4"):
        torch.testing.assert_close(exported_maps[name], maps[name].cpu(), atol=1e-4, rtol=0)
    out = tmp_path / "report.json"
    arguments = [str(exported), "--data.root", str(tiny_synthetic), "--limit", "3", "--out", str(out)]
    assert main([*arguments, "--threads", "1"]) == 0
    assert json.loads(out.read_text())["model"]["network"] == "attention_xs"


@pytest.mark.slow
def test_model_without_a_json_beside_it_or_in_it_is_one_line(exported, tiny_synthetic, tmp_path, capsys):
    (tmp_path / "alone.tflite").write_bytes(unpack(exported.read_bytes()).model)
    assert "alone.json is missing" in failure(capsys, tmp_path / "alone.tflite", "--data.root", tiny_synthetic)


@pytest.mark.slow
def test_a_model_that_carries_its_json_needs_none_beside_it(exported, tiny_synthetic, tmp_path):
    shutil.copy(exported, tmp_path / "renamed.tflite")
    assert main([str(tmp_path / "renamed.tflite"), "--data.root", str(tiny_synthetic)]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{tmp}/absent.safetensors"], "absent.safetensors does not exist"),
        (["{tmp}/text.safetensors"], "text.safetensors is no readable .safetensors file"),
        (["{tmp}/model.pth"], "must end in .safetensors (checkpoint), .tflite or .onnx or .pte"),
        (["{tmp}/best.safetensors", "--data.root", "{tmp}/nowhere"], "nowhere is not a folder"),
        (
            ["{tmp}/best.safetensors", "--data.split", "test2017"],
            "has no split test2017; its splits are train2017, val2017",
        ),
        (["{tmp}/best.safetensors", "--data.root", "{tmp}"], "person_keypoints_val2017.json lists no images"),
        (["{tmp}/best.safetensors", "--out", "{tmp}"], "is a folder or the model"),
        (["{tmp}/best.safetensors", "--out", "{tmp}/best.safetensors/report.json"], "best.safetensors"),
        (["{tmp}/best.safetensors", "--limit", "0"], "limit must be at least 1, not 0"),
        (["{tmp}/best.safetensors", "--grouping.nms_kernel", "4"], "nms_kernel must be an odd number"),
        (["{tmp}/best.safetensors", "--nonsense", "1"], "nonsense"),
    ],
)
def test_bad_input_is_one_line(checkpoint, tiny_synthetic, tmp_path, capsys, arguments, message):
    (tmp_path / "text.safetensors").write_text("no tensors at all")
    (tmp_path / "model.pth").write_text("another kind")
    shutil.copy(checkpoint, tmp_path / "best.safetensors")
    (tmp_path / "val2017").mkdir()
    (tmp_path / "annotations").mkdir()
    instances = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(instances))
    given = [a.format(tmp=tmp_path) for a in arguments]
    root = [] if "--data.root" in given else ["--data.root", tiny_synthetic]
    assert message in failure(capsys, *given, *root)


def test_absent_and_truncated_photographs_are_one_line(checkpoint, tiny_synthetic, tmp_path, capsys):
    shutil.copytree(tiny_synthetic, tmp_path / "set")
    root = tmp_path / "set"
    data = KeypointSet(DataSource(root, "val2017"), COCO_17)
    path = data.path(data.image_ids[0])
    path.write_bytes(path.read_bytes()[:500])
    assert "cannot be read as a photograph" in failure(capsys, checkpoint, "--data.root", root)
    path.unlink()
    assert "lists 1 photographs that are not in" in failure(capsys, checkpoint, "--data.root", root)


def test_analysis_is_written_with_pictures_and_models_side_by_side(
    checkpoint, exported, tiny_synthetic, tmp_path, capsys
):
    out = tmp_path / "new" / "analysis"
    arguments = [checkpoint, "--data.root", tiny_synthetic, "--limit", 4, "--analyse", out, "--bootstrap", 20]
    assert main([str(a) for a in (*arguments, "--against", exported, "--out", tmp_path / "report.json")]) == 0
    analysis = json.loads((out / "analysis.json").read_text())
    assert analysis["figures"]["ap"] == json.loads((tmp_path / "report.json").read_text())["ap"]
    assert set(analysis["models"]) == {checkpoint.name, exported.name}
    assert set(analysis["oracles"]) == {"boxes", "grouping", "joint_classes", "scores"}
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    assert len(analysis["worst"]) == sum(len(data.keypoints(i)) for i in data.image_ids[:4].tolist())
    for worst in analysis["worst"]:
        with Image.open(out / worst["picture"]) as picture:
            assert list(picture.size) == worst["size"]
        assert len(worst["persons"]["truth"]) == len(data.keypoints(worst["image_id"]))
    assert (out / "worst.jpg").stat().st_size > 10_000
    assert "AP without" in capsys.readouterr().out
    own = out / "worst" / "note.jpg"
    own.write_bytes(b"")
    assert main([str(a) for a in (*arguments[:4], 1, *arguments[5:])]) == 0
    named = {worst["picture"] for worst in json.loads((out / "analysis.json").read_text())["worst"]}
    assert len(named) < len(analysis["worst"])
    assert {f"worst/{path.name}" for path in (out / "worst").iterdir()} == {*named, "worst/note.jpg"}


def test_what_an_analysis_cannot_take_is_told(checkpoint, tiny_synthetic, tmp_path, capsys):
    place = ("--data.root", tiny_synthetic)
    assert "name its folder with analyse" in failure(capsys, checkpoint, *place, "--against", checkpoint)
    (tmp_path / "file").write_text("")
    assert "name a folder to write" in failure(capsys, checkpoint, *place, "--analyse", tmp_path / "file")
    missing = ("--analyse", tmp_path / "new", "--against", tmp_path / "missing.tflite")
    assert "missing.tflite does not exist" in failure(capsys, checkpoint, *place, "--limit", 1, *missing)
    no_store = ("--analyse", tmp_path / "new", "--soft_labels", tmp_path / "none.zarr")
    assert "none.zarr" in failure(capsys, checkpoint, *place, "--limit", 1, *no_store)
