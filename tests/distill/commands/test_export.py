"""distill-export from a checkpoint to a checked model, and what it says of bad input."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from distill.commands.export import described_outputs, main
from distill.deployment.precision_sheet import CELL
from distill.networks.checkpoint import save_checkpoint
from distill.pose import geometry
from distill.pose.skeleton import COCO_17
from mobile.runtime import LiteRTModel

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
    assert main([str(checkpoint), "--out", str(path), "--photographs", "2"]) == 0
    return path


def failure(capsys, *arguments: object) -> str:
    """The one line that the command prints when it fails."""
    assert main([str(a) for a in arguments]) != 0
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("distill-export: ")
    return err


def test_real_photographs_pass_and_only_the_table_is_printed(checkpoint, shared, tmp_path, capfd):
    path = tmp_path / "student.tflite"
    arguments = [str(checkpoint), "--out", str(path), "--photographs", "3"]
    assert main([*arguments, "--data.root", str(shared / "coco_mini"), "--data.split", "val2017"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    rows = [line[:28].strip() for line in out.splitlines()]
    errors = [f"largest error, {name}" for name in ("heatmaps_s4", "tags_s4", "attention")]
    assert rows == ["model", "bytes", *errors, "ms a run, one thread"]
    check = json.loads(path.with_suffix(".json").read_text())["check"]
    assert check["photographs"] == 3
    assert max(check["max_error"].values()) < 1e-4


def test_exported_model_runs_as_the_json_says(exported):
    model = LiteRTModel(exported)
    assert model.input_size == (SIDE, SIDE)
    maps = model(np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert maps["heatmaps_s4"].shape == (1, SIDE // 4, SIDE // 4, len(COCO_17))


def test_json_carries_skeleton_grouping_and_letterbox(exported):
    metadata = json.loads(exported.with_suffix(".json").read_text())
    skeleton = metadata["skeleton"]
    assert skeleton["joints"] == list(COCO_17.joints)
    assert skeleton["sigmas"] == list(COCO_17.sigmas)
    assert skeleton["limbs"] == [list(limb) for limb in COCO_17.limbs]
    assert skeleton["flip_pairs"] == [list(pair) for pair in COCO_17.flip_pairs]
    assert [COCO_17.joints[i] for i in skeleton["grouping_index"]] == list(COCO_17.grouping_order)
    assert metadata["grouping"]["max_persons"] == 30
    assert metadata["grouping"]["detection_threshold"] == 0.1
    assert metadata["letterbox"]["padding_rgb"] == list(geometry.PADDING)
    assert metadata["source"]["network"] == "attention_xs" and metadata["source"]["step"] == 7


def test_outputs_are_described_by_their_heads(new_network, new_info):
    described = described_outputs(new_network("higher_hrnet_demo"), new_info("higher_hrnet_demo"))
    assert {key: (output.kind, output.stride) for key, output in described.items()} == {
        "heatmaps_s4": ("heatmaps", 4),
        "tags_s4": ("tags", 4),
        "heatmaps_s2": ("heatmaps", 2),
    }
    attention = described_outputs(new_network("attention_xs"), new_info("attention_xs"))["attention"]
    assert (attention.kind, attention.stride) == ("attention", 4)
    torch.testing.assert_close(attention.activation(torch.zeros(1)), torch.tensor([0.5]))
    assert "probability" in attention.meaning


def test_formula_in_the_json_is_the_letterbox_of_this_package(exported):
    photograph = (640, 427)
    rule = json.loads(exported.with_suffix(".json").read_text())["letterbox"]["photograph_to_input"]
    scale = min(SIDE / 640, SIDE / 427)
    assert rule["scale"] == "min(input_width / photograph_width, input_height / photograph_height)"
    wanted = np.array([[scale, 0, (SIDE - scale * 640) / 2], [0, scale, (SIDE - scale * 427) / 2]])
    assert rule["matrix"] == [["scale", 0, "offset_x"], [0, "scale", "offset_y"]]
    np.testing.assert_allclose(geometry.letterbox(photograph, (SIDE, SIDE)), wanted)


@pytest.mark.slow
def test_one_run_writes_every_precision_and_a_table(checkpoint, tiny_synthetic, tmp_path, capfd):
    arguments = [checkpoint, "--out", tmp_path / "student.tflite", "--precision", "all"]
    sizes = ["--photographs", 2, "--calibration", 4, "--limit", 4, "--data.choice", 4, "--runs", 2]
    sheet = tmp_path / "sheets" / "sheet.png"
    assert main([str(a) for a in (*arguments, *sizes, "--data.root", tiny_synthetic, "--sheet", sheet)]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    bytes_of = {}
    for precision in ("float32", "float16", "int8", "dynamic_int8"):
        path = tmp_path / f"student_{precision}.tflite"
        metadata = json.loads(path.with_suffix(".json").read_text())
        assert metadata["precision"]["precision"] == precision
        assert metadata["check"]["ap_drop_points"] <= 2
        assert path.name in out and f"{path.stat().st_size:,}" in out
        bytes_of[precision] = path.stat().st_size
    assert bytes_of["float16"] < 1e6 < bytes_of["float32"]
    assert bytes_of["int8"] < 0.6 * bytes_of["float16"]
    assert LiteRTModel(tmp_path / "student_int8.tflite").delegation.whole
    assert len(list(tmp_path.glob("student_*"))) == 8
    height, width, _ = cv2.imread(str(sheet)).shape
    # Two scenes; columns of the photograph, the annotation and four precisions.
    assert 2 * CELL < height < 2.3 * CELL and 6 * CELL < width < 6.3 * CELL


@pytest.mark.slow
def test_peaks_leave_the_graph_when_asked_for(checkpoint, tmp_path):
    path = tmp_path / "student.tflite"
    assert main([str(checkpoint), "--out", str(path), "--photographs", "1", "--with_peaks"]) == 0
    outputs = LiteRTModel(path)(np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert outputs["peak_values"].shape == (1, len(COCO_17), 30)


@pytest.mark.slow
def test_too_small_a_tolerance_leaves_nothing(checkpoint, tmp_path, capsys):
    path = tmp_path / "student.tflite"
    message = failure(capsys, checkpoint, "--out", path, "--photographs", 1, "--tolerance", 1e-12)
    assert "is not written" in message and "differs from torch" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_teacher_is_exported_like_a_student(tmp_path, new_network, new_info):
    torch.manual_seed(0)
    path, out = tmp_path / "teacher.safetensors", tmp_path / "teacher.tflite"
    info = new_info("higher_hrnet_demo", input_size=(SIDE, SIDE))
    save_checkpoint(path, info, new_network("higher_hrnet_demo").state_dict())
    assert main([str(path), "--out", str(out), "--photographs", "1"]) == 0
    outputs = {o["name"]: o["stride"] for o in LiteRTModel(out).metadata["outputs"]}
    assert outputs == {"heatmaps_s4": 4, "tags_s4": 4, "heatmaps_s2": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{tmp}/absent.safetensors"], "absent.safetensors does not exist"),
        (["{tmp}/text.safetensors"], "text.safetensors is no readable .safetensors file"),
        (["--out", "{tmp}/student.pb"], "student.pb must end in .tflite"),
        (["--out", "{tmp}/text.safetensors/student.tflite"], "text.safetensors"),
        (["--out", "/proc/student.tflite"], "/proc"),
        (["--data.root", "{tmp}/nowhere"], "nowhere"),
        (["--photographs", "0"], "photographs must be at least 1"),
        (["--tolerance", "-1"], "tolerance must be above 0"),
        (
            ["--precision", "int4"],
            "precision int4 is unknown; choose from float32, float16, int8, int16x8, dynamic_int8, all",
        ),
        (["--precision", "int8", "--ranges", "widest"], "ranges 'widest' is unknown"),
        (["--precision", "int8", "--calibration", "0"], "calibration must be at least 1"),
        (["--precision", "int8", "--io", "int4"], "io 'int4' is unknown"),
        (["--max_ap_drop", "-1"], "max_ap_drop must be 0 or more"),
        (["--max_ap_drop", "2"], "max_ap_drop needs data.root"),
        (["--data.choice", "0"], "data.choice must be at least 1, not 0"),
        (["--limit", "0"], "limit must be at least 1, not 0"),
        (["--sheet", "{tmp}/sheet.png"], "sheet needs data.root"),
        (["--sheet", "{tmp}/sheet.gif", "--data.root", "{tmp}"], "sheet.gif must end in .png or .jpg"),
        (["--input_size", "100"], "input_size must be one side or width and height, positive multiples of 32"),
        (["--nonsense", "1"], "nonsense"),
    ],
)
def test_bad_input_is_one_line(checkpoint, tmp_path, capsys, arguments, message):
    (tmp_path / "text.safetensors").write_text("no tensors at all")
    shutil.copy(checkpoint, tmp_path / "best.safetensors")
    given = [a.format(tmp=tmp_path) for a in arguments]
    if given[0].startswith("--"):
        given.insert(0, tmp_path / "best.safetensors")
    out = [] if "--out" in given else ["--out", tmp_path / "student.tflite"]
    assert message in failure(capsys, *given, *out)
    assert not list(tmp_path.glob("*.tflite"))
