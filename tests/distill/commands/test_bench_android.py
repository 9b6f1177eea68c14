"""The real adb and its server against stand-in phones; no result here was measured."""

import csv
import json
import time
import zipfile

import cv2
import jsonschema
import numpy as np
import pytest

from distill.commands.app_assets import main as write_app_assets
from distill.commands.bench import main
from distill.evaluation.exported import exported_predictor
from distill.evaluation.predictor import letterboxed
from mobile import app_log, cooling
from mobile.phone_folder import PACKAGE
from mobile.runtime import LiteRTModel


@pytest.fixture
def bench(tmp_path, capsys):
    """Function from further arguments to exit code and lines on stderr; small files stand for models and the APK."""
    quick = ["--launches", "1", "--cooldown", "0", "--timeout", "30"]
    for name in ("one/student.tflite", "two/student.tflite"):
        model = tmp_path / name
        model.parent.mkdir()
        model.write_bytes(name.encode() * 20_000)
    with zipfile.ZipFile(tmp_path / "bench.apk", "w") as apk:
        apk.writestr("assets/scenes/0.png", cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())

    def run(*arguments, models=("one",)):
        paths = [str(tmp_path / name / "student.tflite") for name in models]
        settings = ["--apk", str(tmp_path / "bench.apk"), "--out", str(tmp_path / "out"), *quick]
        code = main(["android", *paths, *settings, *map(str, arguments)])
        return code, capsys.readouterr().err.splitlines()

    return run


def read_report(folder):
    report = json.loads((folder / "out" / "table.json").read_text())
    with (folder / "out" / "table.csv").open() as file:
        assert [row["inference_median_ms"] for row in csv.DictReader(file)] == [
            str(row["inference_median_ms"]) for row in report["table"]
        ]
    return report


def test_the_whole_matrix_on_two_phones_at_once(bench, connect, tmp_path):
    phones = [connect(model="A"), connect(model="B")]
    photograph = tmp_path / "people.png"
    cv2.imwrite(str(photograph), np.zeros((8, 8, 3), np.uint8))
    arguments = ["--threads", 1, 4, "--runs", 7, "--photograph", photograph, "--launches", 2]
    code, _ = bench(*arguments, "--delegates", "cpu", "gpu", "nnapi", models=("one", "two"))
    assert code == 0
    report = read_report(tmp_path)
    # The threads are the CPU's alone: two cells of it, and one of each other delegate.
    assert len(report["table"]) == 2 * 2 * 4 * 2 and report["failures"] == []
    assert len({(r["phone"], r["sha256"], r["delegate"], r["threads"], r["launch"]) for r in report["table"]}) == 32
    assert [cell["launches"] for cell in report["cells"]] == [2] * 16
    for phone in phones:
        assert len(phone.requests) == 16
        delegates = [request["delegate"] for request in phone.requests]
        assert delegates[:8] == 2 * ["cpu", "cpu", "gpu", "nnapi"]
        assert phone.requests[8]["model"] == phone.requests[4]["model"] != phone.requests[0]["model"]
        assert {request["photograph"] for request in phone.requests} == {"photograph.png"}
        assert {request["runs"] for request in phone.requests} == {7}
        assert phone.installed == (tmp_path / "bench.apk").read_bytes()
        assert not phone.files and not phone.running
        assert len(list((tmp_path / "out" / phone.serial.replace(":", "_")).glob("*.json"))) == 16
    assert cv2.imread(str(tmp_path / "out" / "plot.png")).size


def test_serial_chooses_a_phone(bench, connect):
    chosen, other = connect(), connect()
    assert bench("--serial", chosen.serial, "--delegates", "cpu")[0] == 0
    assert len(chosen.requests) == 2 and not other.commands
    assert {request["model"] for request in chosen.requests} == {"0-student.tflite"}


def test_a_phone_that_dies_leaves_the_other_alone_and_its_first_result_stays(bench, connect, tmp_path):
    dying, well = connect(behaviour={"gpu": "die"}), connect()
    code, lines = bench("--threads", 1)
    assert code == 1
    report = read_report(tmp_path)
    assert [row["delegate"] for row in report["table"] if dying.serial in row["phone"]] == ["cpu"]
    assert len([row for row in report["table"] if well.serial in row["phone"]]) == 2
    (failure,) = report["failures"]
    assert failure["serial"] == dying.serial
    assert sum("left to run is left out" in line for line in lines) == 1
    assert "3 that went well" in lines[-1] and not any("Traceback" in line for line in lines)


@pytest.mark.parametrize(
    "behaviour, reason",
    [
        ("error", "delegate: nnapi is not on this phone; choose cpu"),
        ("silent", "no result within 1 s"),
        ("crash", "ended without a result"),
        ("broken", "does not fit result.schema.json"),
    ],
)
def test_a_failed_run_is_one_line_and_the_next_run_follows(bench, connect, tmp_path, monkeypatch, behaviour, reason):
    phone = connect(behaviour={"gpu": behaviour})
    monkeypatch.setattr(app_log, "LOOK_SECONDS", 0.3)
    code, lines = bench("--threads", 1, "--timeout", 1, "--delegates", "cpu", "gpu", "nnapi")
    assert code == 1
    assert [line for line in lines if reason in line] == [line for line in lines if "gpu" in line] != []
    assert [row["delegate"] for row in read_report(tmp_path)["table"]] == ["cpu", "nnapi"]
    assert not phone.files


def test_a_phone_that_refuses_and_one_that_is_not_authorized(bench, connect, tmp_path):
    refusing, locked, well = connect(refuses_install=True), connect(authorized=False), connect()
    code, lines = bench("--threads", 1, "--delegates", "cpu")
    assert code == 1
    assert any(line.startswith(refusing.serial) and "INSTALL_FAILED_UPDATE_INCOMPATIBLE" in line for line in lines)
    assert any(line.startswith(locked.serial) and "unauthorized; accept" in line for line in lines)
    assert [well.serial in row["phone"] for row in read_report(tmp_path)["table"]] == [True]


def test_the_same_command_again_replaces_the_results(bench, connect, tmp_path):
    phone = connect(behaviour={"cpu": "error"})
    assert bench("--threads", 1, "--delegates", "cpu")[0] == 1
    phone.behaviour.clear()
    assert bench("--threads", 1, "--delegates", "cpu")[0] == 0
    assert read_report(tmp_path)["failures"] == []


def test_any_model_has_times_and_rows_keep_their_schema(bench, connect, tmp_path, repository):
    connect()
    assert bench("--threads", 1, "--delegates", "cpu")[0] == 0
    (row,) = read_report(tmp_path)["table"]
    jsonschema.validate(row, json.loads((repository / "mobile" / "android" / "table.schema.json").read_text()))
    assert (row["precision"], row["input"], row["agreement_oks"]) == ("unknown", "unknown", None)
    assert row["compiled"] and row["inference_p99_ms"] is None


@pytest.mark.parametrize("settings", [{"user": 10}, {"keeps_adb_out": True}, {"user": 10, "keeps_adb_out": True}])
def test_other_users_and_closed_folders(bench, connect, tmp_path, settings):
    """Files then go where both may read, and results come through the log."""
    phone = connect(**settings)
    code, lines = bench("--threads", 1, "--delegates", "cpu")
    assert (code, len(read_report(tmp_path)["table"])) == (0, 1), lines
    closed = settings.get("keeps_adb_out", False)
    assert phone.requests[0]["model"].startswith("/data/local/tmp/pose-distill-bench/") == closed
    assert not [file for file in phone.files if not file.startswith(phone.folder)]


def test_a_phone_that_cannot_write_costs_no_time(bench, connect, tmp_path):
    connect(full=True)
    start = time.monotonic()
    assert bench("--threads", 1, "--delegates", "cpu", "--timeout", 60)[0] == 0
    assert time.monotonic() - start < 30
    assert len(read_report(tmp_path)["table"]) == 1


def test_a_log_that_loses_lines_is_made_good_by_the_file(bench, connect, tmp_path):
    connect(drops=True)
    assert bench("--threads", 1, "--delegates", "cpu", "--runs", 400)[0] == 0
    (row,) = read_report(tmp_path)["table"]
    assert row["runs"] == 400


def test_neither_log_nor_file_is_one_line(bench, connect):
    connect(drops=True, full=True)
    code, lines = bench("--threads", 1, "--delegates", "cpu")
    assert code == 1 and any("neither whole in the log nor in a file" in line for line in lines)


def test_every_run_begins_as_cool_as_the_first(bench, connect, monkeypatch):
    monkeypatch.setattr(cooling, "_LOOK_SECONDS", 0.05)
    phone = connect(celsius=[25.0, 25.5, 29.0, 28.0, 25.5])
    assert bench("--threads", 1, 4, "--delegates", "cpu", "--cooldown", 30)[0] == 0
    starts = [i for i, command in enumerate(phone.commands) if command.startswith("am start -S")]
    looks = [sum(c == "dumpsys battery 2>/dev/null || true" for c in phone.commands[:start]) for start in starts]
    assert looks == [2, 5]


def test_a_phone_without_some_commands_is_measured_all_the_same(bench, connect, tmp_path):
    connect(knows_little=True)
    code, lines = bench("--threads", 1, "--delegates", "cpu", "--cooldown", 1)
    (row,) = read_report(tmp_path)["table"]
    assert code == 0 and row["compiled"] is False, lines


def test_the_phone_is_woken_unlocked_and_compiled_for(bench, connect):
    phone = connect()
    assert bench("--threads", 1, "--delegates", "cpu")[0] == 0
    before = phone.commands[: next(i for i, c in enumerate(phone.commands) if c.startswith("am start -S"))]
    for command in (
        "input keyevent KEYCODE_WAKEUP",
        "wm dismiss-keyguard",
        f"cmd package compile -m speed -f {PACKAGE}",
    ):
        assert f"{command} || true" in before


@pytest.fixture(scope="module")
def student(repository, tmp_path_factory):
    """A student that sees people, as the app carries it."""
    folder = tmp_path_factory.mktemp("student") / "assets"
    weights = repository / "students" / "weights" / "attention_xs.safetensors"
    assert write_app_assets([str(weights), "--out", str(folder), "--scenes", "1"]) == 0
    return folder


def computing(student, change=lambda values: values, shift=0.0):
    """What an app computes that runs the model as this host does, with changed values and shifted persons."""

    def compute(content):
        model = LiteRTModel(student / "student.tflite")
        assert content == model.path.read_bytes()
        photograph = cv2.cvtColor(cv2.imread(str(student / "scenes" / "0.png")), cv2.COLOR_BGR2RGB)
        persons, scores = exported_predictor(model)([photograph])[0]
        persons[..., :2] += shift
        outputs = model(letterboxed(photograph, model.input_size)[0][None])
        stored = b"".join(change(outputs[output["name"]]).tobytes() for output in model.metadata["outputs"])
        found = zip(scores.tolist(), persons.tolist(), strict=True)
        return [{"score": score, "joints": joints} for score, joints in found], stored

    return compute


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "shift", "complaint"),
    [
        (lambda values: values, 0.0, None),
        (lambda values: values * np.float32(1.01), 0.0, None),
        (lambda values: values * np.float32(0.5), 0.0, "differ from this host's by 0.5 of the largest value"),
        (lambda values: values * np.float32("nan"), 0.0, "differ from this host's by nan"),
        (lambda values: values[:, :1], 0.0, "differ from this host's by inf"),
        (lambda values: values, 40.0, "agree with this host's by an OKS of 0.0"),
    ],
)
def test_a_phone_that_computes_something_else_has_no_figures(
    bench, connect, tmp_path, student, change, shift, complaint
):
    with zipfile.ZipFile(tmp_path / "own.apk", "w") as apk:
        apk.write(student / "scenes" / "0.png", "assets/scenes/0.png")
    connect(computes=computing(student, change, shift))
    arguments = ["--apk", tmp_path / "own.apk", "--threads", 1, "--delegates", "cpu"]
    code, lines = bench(*arguments, models=(student,))
    report = read_report(tmp_path) if complaint is None else json.loads((tmp_path / "out" / "table.json").read_text())
    if complaint is None:
        assert code == 0, lines
        assert report["table"][0]["agreement_oks"] > 0.99 and report["table"][0]["largest_difference"] < 0.02
        assert report["table"][0]["persons"] > 0
    else:
        assert code == 1 and report["table"] == []
        assert complaint in report["failures"][0]["reason"]


def test_nothing_to_run_on(bench, adb, tmp_path, monkeypatch):
    code, lines = bench()
    assert code == 1 and len(lines) == 1 and "adb finds no phone" in lines[0]
    code, lines = bench("--apk", tmp_path / "none.apk")
    assert code == 1 and len(lines) == 1 and "make apk" in lines[0]
    monkeypatch.setenv("PATH", str(tmp_path))
    code, lines = bench()
    assert code == 1 and len(lines) == 1 and "apt-get install adb" in lines[0]


@pytest.mark.parametrize(
    "arguments, word", [(("--threads", 0), "threads"), (("--delegates", "npu"), "npu"), (("--runs", 0), "runs")]
)
def test_wrong_settings_are_named(bench, arguments, word):
    code, lines = bench(*arguments)
    assert code == 1 and len(lines) == 1 and word in lines[0]
