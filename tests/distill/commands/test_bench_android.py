"""The real adb and its server against stand-in phones; no result here was measured."""

import csv
import json

import cv2
import numpy as np
import pytest

from distill.commands.bench import main


@pytest.fixture
def bench(tmp_path, capsys):
    """Function from further arguments to exit code and lines on stderr; small files stand for model and APK."""
    for name in ("one/student.tflite", "two/student.tflite"):
        model = tmp_path / name
        model.parent.mkdir()
        model.write_bytes(name.encode() * 20_000)
        model.with_suffix(".json").write_text('{"schema_version": 1}')
    (tmp_path / "bench.apk").write_bytes(b"apk" * 30_000)

    def run(*arguments, models=("one",)):
        paths = [str(tmp_path / name / "student.tflite") for name in models]
        settings = ["--apk", str(tmp_path / "bench.apk"), "--out", str(tmp_path / "out"), "--poll", "0.05"]
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
    code, _ = bench("--threads", 1, 4, "--runs", 7, "--photograph", photograph, models=("one", "two"))
    assert code == 0
    report = read_report(tmp_path)
    assert len(report["table"]) == 2 * 2 * 3 * 2 and report["failures"] == []
    assert len({(r["phone"], r["sha256"], r["delegate"], r["threads"]) for r in report["table"]}) == 24
    for phone in phones:
        assert len(phone.requests) == 12
        assert {request["photograph"] for request in phone.requests} == {"photograph.png"}
        assert {request["runs"] for request in phone.requests} == {7}
        assert phone.installed == b"apk" * 30_000
        assert not phone.files and not phone.running
        assert len(list((tmp_path / "out" / phone.serial.replace(":", "_")).glob("*.json"))) == 12
    assert cv2.imread(str(tmp_path / "out" / "plot.png")).size


def test_serial_chooses_a_phone(bench, connect):
    chosen, other = connect(), connect()
    assert bench("--serial", chosen.serial, "--delegates", "cpu")[0] == 0
    assert len(chosen.requests) == 2 and not other.commands


def test_a_phone_that_dies_leaves_the_other_alone_and_its_first_result_stays(bench, connect, tmp_path):
    dying, well = connect(behaviour={"gpu": "die"}), connect()
    code, lines = bench("--threads", 1)
    assert code == 1
    report = read_report(tmp_path)
    assert [row["delegate"] for row in report["table"] if dying.serial in row["phone"]] == ["cpu"]
    assert len([row for row in report["table"] if well.serial in row["phone"]]) == 3
    (failure,) = report["failures"]
    assert failure["serial"] == dying.serial
    assert sum("left to run is left out" in line for line in lines) == 1
    assert "4 that went well" in lines[-1] and not any("Traceback" in line for line in lines)


@pytest.mark.parametrize(
    "behaviour, reason",
    [
        ("error", "delegate: nnapi is not on this phone; choose cpu"),
        ("silent", "no result within 0.5 s"),
        ("crash", "ended without a result"),
        ("broken", "does not fit result.schema.json"),
    ],
)
def test_a_failed_run_is_one_line_and_the_next_run_follows(bench, connect, tmp_path, behaviour, reason):
    phone = connect(behaviour={"gpu": behaviour})
    code, lines = bench("--threads", 1, "--timeout", 0.5)
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
