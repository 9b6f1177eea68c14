"""Sets of 14 and of 23 joints, and two skeletons together, from photographs to a .tflite, as 17 joints are."""

import json
import shutil
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from distill.commands import cache, data, export, train
from distill.commands import eval as evaluation
from distill.networks.checkpoint import read_checkpoint


@pytest.fixture(scope="module")
def lsp(shared, tmp_path_factory) -> Path:
    """Twelve photographs of Leeds Sports Pose Extended with the true file of joints, divided into train and val."""
    root = tmp_path_factory.mktemp("lsp")
    (root / "all" / "images").mkdir(parents=True)
    shutil.copy(shared / "real" / "joints.mat", root / "all")
    for photograph in sorted((shared / "real" / "photographs").iterdir())[:12]:
        shutil.copy(photograph, root / "all" / "images")
    assert data.main(["split", str(root / "all"), "--val", "0.35", "--out", str(root / "set")]) == 0
    return root / "set"


@pytest.fixture(scope="module")
def feet(shared, tmp_path_factory) -> Path:
    """Real photographs of COCO with made-up feet below the ankles, joined to COCO's persons."""
    root = tmp_path_factory.mktemp("feet")
    (root / "foot" / "annotations").mkdir(parents=True)
    for split in ("train2017", "val2017"):
        document = json.loads((shared / "coco_mini" / "annotations" / f"person_keypoints_{split}.json").read_text())
        for annotation in document["annotations"]:
            ankles = [annotation["keypoints"][3 * k : 3 * k + 3] for k in (15, 16)]
            for x, y, v in ankles:
                annotation["keypoints"] += [
                    value for dx in (6, 9, -4) for value in ((x + dx, y + 5, v) if v else (0,) * 3)
                ]
        (root / "foot" / "annotations" / f"person_keypoints_{split}_foot_v1.json").write_text(json.dumps(document))
        (root / "foot" / split).symlink_to(shared / "coco_mini" / split)
    words = ["merge", str(shared / "coco_mini"), str(root / "foot"), "--join_by", "annotation_id"]
    assert data.main([*words, "--out", str(root / "set"), "--photographs", "link"]) == 0
    return root / "set"


@pytest.fixture(scope="module")
def both(lsp, shared, tmp_path_factory) -> Path:
    """COCO's 17 joints and the 14 of Leeds Sports Pose in one set of 19."""
    out = tmp_path_factory.mktemp("both") / "set"
    words = ["merge", str(shared / "coco_mini"), str(lsp), "--out", str(out), "--photographs", "link"]
    assert data.main(words) == 0
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("name", "joints"), [("lsp", 14), ("feet", 23), ("both", 19)])
def test_from_photographs_to_a_phone(name, joints, request, tmp_path):
    root = request.getfixturevalue(name)
    own = root / "skeleton.yaml"
    where = ["--data.root", str(root), "--skeleton", str(own) if own.exists() else "auto"]
    store, run = str(tmp_path / "labels.zarr"), tmp_path / "run"
    build = ["build", *where, "--data.split", "train2017", "--teacher", "oracle", "--map_size", "64", "--out", store]
    assert cache.main([*build, "--limit", "40", "--evaluate"]) == 0
    evaluated = json.loads((Path(store) / "evaluation.json").read_text())
    assert evaluated["ap"] > 0.95
    words = [*where, "--data.soft_labels", store, "--limit", "24", "--out", str(run), "--input_size", "64"]
    words += ["--steps", "100", "--batch_size", "8", "--log.scalars_every", "1", "--log.minival_images", "6"]
    assert train.main([*words, "--data.skip_unlabelled", "--schedule.peak", "0.01", "--precision", "float32"]) == 0
    log = EventAccumulator(str(run / "log"), size_guidance={"scalars": 0})
    log.Reload()
    for loss in ("heatmap_hard_s4", "heatmap_soft_s4"):
        values = [event.value for event in log.Scalars(f"loss/{loss}")]
        assert sum(values[-5:]) < 0.9 * sum(values[:5]), loss
    checkpoint = next(path for path in (run / "best.safetensors", run / "last.safetensors") if path.exists())
    info, *_ = read_checkpoint(checkpoint)
    assert len(info.skeleton) == joints
    model = tmp_path / "student.tflite"
    assert export.main([str(checkpoint), "--out", str(model), "--photographs", "2", "--data.root", str(root)]) == 0
    described = json.loads(model.with_suffix(".json").read_text())
    assert described["skeleton"]["joints"] == list(info.skeleton.joints)
    for each in (checkpoint, model):
        out = tmp_path / f"{each.suffix[1:]}.json"
        assert evaluation.main([str(each), "--data.root", str(root), "--limit", "8", "--out", str(out)]) == 0
    of_torch, of_litert = (json.loads((tmp_path / f"{kind}.json").read_text()) for kind in ("safetensors", "tflite"))
    assert of_torch["ap"] == pytest.approx(of_litert["ap"], abs=0.02)
