"""The two MoveNets and results files as teachers of real photographs, by the command."""

import json

import numpy as np
import pytest

from cache.store import SoftLabelStore
from distill.commands import cache
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import write_results
from distill.pose.skeleton import COCO_17


@pytest.fixture
def label(shared, tmp_path):
    """Function that labels the first photographs of the real set with a teacher, and gives AP and store."""

    def label(*teacher, limit=24):
        out = tmp_path / f"{len(list(tmp_path.glob('*.zarr')))}.zarr"
        words = ["build", "--data.root", shared / "coco_mini", "--data.split", "train2017", "--limit", limit]
        words += ["--map_size", 32, "--evaluate", "--out", out, *teacher]
        assert cache.main([str(word) for word in words]) == 0
        return json.loads((out / "evaluation.json").read_text())["ap"], SoftLabelStore.open(str(out))

    return label


@pytest.fixture(scope="module")
def weights(shared):
    return shared / "real" / "teachers"


def multipose(weights, *more):
    return ["--teacher.name", "movenet_multipose", "--teacher.weights", weights / "movenet-multipose.onnx", *more]


def posenet_of(shared):
    return shared / "peers" / "posenet_mobilenet_v1_075_481_641_16_quant_nodecoder.tflite"


def persons_of(weights):
    return f"{{name: movenet_multipose, weights: {weights / 'movenet-multipose.onnx'}, sizes: [512]}}"


@pytest.mark.slow
def test_several_sizes_and_a_second_look_find_more(label, weights):
    alone, store = label(*multipose(weights, "--teacher.sizes", 512))
    several, _ = label(*multipose(weights))
    thunder = ["--teacher.name", "top_down", "--teacher.network", weights / "movenet-thunder.onnx"]
    again, _ = label(*thunder, "--teacher.persons", persons_of(weights))
    assert alone > 0.2 and several > alone + 0.02 and again > alone + 0.02
    assert store.attributes["teacher"]["sizes"] == [512]
    rows = [store.read_peaks(image_id) for image_id in store.image_ids.tolist()]
    assert sum(len(peaks) for peaks in rows) > 6 * 17


@pytest.mark.slow
def test_annotated_boxes_are_looked_into(label, weights):
    ap, store = label("--teacher.name", "top_down", "--teacher.network", weights / "movenet-thunder.onnx")
    assert ap > 0.35 and store.attributes["teacher"]["persons"] == "boxes"


def test_results_of_our_own_teach(shared, label, tmp_path):
    data = KeypointSet(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    found = {i: (data.keypoints(i) * (1, 1, 0.5), np.ones(len(data.keypoints(i)))) for i in data.image_ids.tolist()}
    path = tmp_path / "results.json"
    write_results(path, found, 1)
    ap, _ = label("--teacher.name", "results", "--teacher.results", path)
    assert ap == pytest.approx(1)


def test_posenet_finds_people(shared, label):
    ap, store = label("--teacher.name", "posenet", "--teacher.weights", posenet_of(shared), limit=16)
    assert ap > 0.15 and store.attributes["teacher"]["threshold"] == 0.3


def test_several_teachers_as_one(shared, label):
    """PoseNet gives persons and the demo's teacher, which finds nobody real, gives maps."""
    posenet = {"name": "posenet", "weights": str(posenet_of(shared))}
    alone, _ = label("--teacher.name", "posenet", "--teacher.weights", posenet_of(shared), limit=6)
    choices = json.dumps([posenet, {"name": "demo"}])
    both, store = label(
        "--teacher.name", "ensemble", "--teacher.teachers", choices, "--teacher.weights", "9", "1", limit=6
    )
    assert both == pytest.approx(alone, abs=0.05)
    assert [each["name"] for each in store.attributes["teacher"]["teachers"]] == ["posenet", "demo"]


def test_maps_of_a_teacher_may_tell_a_crop_where_to_look(shared, label, weights):
    words = ["--teacher.name", "top_down", "--teacher.network", weights / "movenet-thunder.onnx"]
    ap, store = label(*words, "--teacher.persons", "{name: demo}", limit=8)
    assert ap >= 0 and "weights_sha256" in store.attributes["teacher"]["persons"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--teacher.name", "movenet_multipose"], "teacher.weights is not set"),
        (["--teacher.name", "movenet_multipose", "--teacher.weights", "none.onnx"], "none.onnx cannot be read"),
        (["--teacher.name", "top_down", "--teacher.network", "none.onnx"], "none.onnx cannot be read"),
        (
            ["--teacher.name", "top_down", "--teacher.network", "x", "--teacher.persons", "{name: nobody}"],
            "persons.name",
        ),
        (["--teacher.name", "results", "--teacher.results", "none.json"], "none.json cannot be read"),
        (["--teacher.name", "posenet", "--teacher.weights", "none.tflite"], "none.tflite cannot be read"),
        (["--teacher.name", "posenet", "--teacher.weights", "{thunder}"], "is no network that LiteRT can load"),
        (["--teacher.name", "posenet", "--teacher.weights", "{lightning}"], "not PoseNet's heatmaps of 17"),
        (
            ["--teacher.name", "ensemble", "--teacher.teachers", "[{name: demo}, {name: results, results: no.json}]"],
            "no.json cannot be read",
        ),
        (
            ["--teacher.name", "movenet_multipose", "--teacher.weights", "{thunder}"],
            "has no value StatefulPartitionedCall/kpt_heatmap_0/conv2d_7/BiasAdd:0, so it is another network",
        ),
        (
            ["--teacher.name", "movenet_multipose", "--teacher.weights", "x", "--skeleton", "mpii_16"],
            "joint 1 is 'nose' instead of 'right_ankle'",
        ),
    ],
)
def test_what_is_wrong_is_one_line(shared, weights, tmp_path, capsys, words, message):
    lightning = shared / "peers" / "movenet_single_pose_lightning_ptq.tflite"
    words = [word.replace("{thunder}", str(weights / "movenet-thunder.onnx")) for word in words]
    words = [word.replace("{lightning}", str(lightning)) for word in words]
    root = ["--data.root", str(shared / "coco_mini"), "--data.split", "train2017"]
    assert cache.main(["build", *root, "--out", str(tmp_path / "x.zarr"), *words]) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in last
