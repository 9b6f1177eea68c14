"""The demo keeps what the README promises."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from distill.commands.demo import main
from mobile.runtime import LiteRTModel

SMALL = ["--train_scenes", "64", "--held_out_scenes", "16", "--pretraining_steps", "12", "--steps", "6"]


@pytest.mark.slow
def test_small_demo_from_end_to_end_and_again(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["--out", str(out), *SMALL]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert {"teacher_ap", "student_ap", "student_ap50", "label_bytes_per_image", "tflite_max_error"} <= summary.keys()
    stages = {"scenes", "labels", "pretraining", "training", "evaluation", "export", "sheet", "report"}
    assert set(summary["seconds"]) == stages | {"total"}
    assert summary["tflite_max_error"] < 1e-3
    assert 0 < summary["label_bytes_per_image"] < 20_000
    assert (out / "sheet.png").stat().st_size > 100_000
    report = (out / "report.html").read_text()
    assert "student.tflite" in report and "<td>teacher</td>" in report
    assert LiteRTModel(out / "student.tflite").metadata["skeleton"]["name"] == "coco_17"
    log = EventAccumulator(str(out / "train" / "log"))
    log.Reload()
    assert {"loss/heatmap_hard_s4", "loss/heatmap_soft_s4", "minival/ap"} <= set(log.Tags()["scalars"])
    capsys.readouterr()
    assert main(["--out", str(out), *SMALL]) == 0
    assert capsys.readouterr().out.count("already done") == len(stages)
    assert main(["--out", str(out), "--train_scenes", "65"]) == 1
    assert "holds a demo of other settings" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.whole_machine
@pytest.mark.timeout(3600)
def test_the_demo_student_is_useful(tmp_path):
    """Fixed scenes and steps."""
    assert main(["--out", str(tmp_path / "demo")]) == 0
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    for scenes in summary["scenes"].values():
        assert scenes["mean_pairwise_iou"] >= 0.1
        assert scenes["occluded_fraction"] >= 0.1
        assert scenes["truncated_fraction"] >= 0.1
        assert scenes["distractors_per_image"] == pytest.approx(2, abs=0.2)
    assert summary["student_ap"] > 0.35
    assert summary["student_ap50"] > 0.6
    assert summary["teacher_ap"] > summary["student_ap"] + 0.05
    assert summary["tflite_max_error"] < 1e-3
