"""Sixteen real photographs learnt by heart: targets, masks, geometry, decoding and evaluation agree."""

import json
from importlib.resources import files

import pytest

from distill.commands import export
from distill.commands.cli import load_config
from distill.commands.train import train
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.evaluation.models import load_model
from distill.evaluation.predictor import predict_all
from distill.pose.skeleton import COCO_17
from distill.training.config import TrainConfig

LARGE = 96**2


@pytest.fixture
def sixteen(shared, tmp_path):
    """A set of 16 photographs with one large, well labelled person, the same for training and validation."""
    source = shared / "coco_mini"
    document = json.loads((source / "annotations" / "person_keypoints_train2017.json").read_text())
    persons = {}
    for annotation in document["annotations"]:
        persons.setdefault(annotation["image_id"], []).append(annotation)
    large = [
        image_id
        for image_id, found in sorted(persons.items())
        if len(found) == 1 and found[0]["area"] > LARGE and found[0]["num_keypoints"] >= 10
    ][:16]
    assert len(large) == 16
    for key, name in (("images", "id"), ("annotations", "image_id")):
        document[key] = [entry for entry in document[key] if entry[name] in large]
    (tmp_path / "annotations").mkdir()
    for split in ("train2017", "val2017"):
        (tmp_path / "annotations" / f"person_keypoints_{split}.json").write_text(json.dumps(document))
        (tmp_path / split).symlink_to(source / "train2017")
    return tmp_path


SMALL = {"input_size": 128, "steps": 250, "schedule.period": 250}
WAYS = {
    "attention": {},
    "centre": {"model": "centre"},
    "context": {"model": "context", **SMALL},
    "hourglass": {"model": "hourglass"},
    "unet": {"model": "unet", **SMALL},
    "transfer": {"model": "transfer", "model.backbone": "mobilenetv3_small_100", **SMALL},
    "posenet": {"model": "posenet", **SMALL},
}
"Settings by student; some learn it as well from less."


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", WAYS)
def test_sixteen_photographs_are_learnt_by_heart(sixteen, tmp_path, way):
    """And found by the exported model as by the network."""
    overrides = {"data.root": sixteen, "out": tmp_path / "run", **WAYS[way]}
    figures, _ = train(load_config(TrainConfig, files("distill") / "recipes" / "overfit.yaml", overrides))
    assert figures["ap_large"] > 0.75
    words = [tmp_path / "run" / "last.safetensors", "--out", tmp_path / "student.tflite", "--photographs", 2]
    assert export.main([str(word) for word in (*words, "--data.root", sixteen)]) == 0
    data = KeypointSet(DataSource(sixteen), COCO_17)
    models = (load_model(tmp_path / name) for name in ("run/last.safetensors", "student.tflite"))
    ours, exported = (evaluate(predict_all(model.predictor(), data), data)["ap_large"] for model in models)
    assert exported == pytest.approx(ours, abs=0.005)
