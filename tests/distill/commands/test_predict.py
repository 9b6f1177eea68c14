"""distill-predict: pictures, videos, every output, and being stopped."""

import json
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest

from distill.commands import data
from distill.commands.predict import main

QUICK = ["--model", "attention_xs", "--input_size", "128"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A video of two seconds with true joints beside it."""
    folder = tmp_path_factory.mktemp("scene")
    words = ["synthesize", str(folder), "--video", "2", "--rate", "10", "--size", "192", "--split", "walk"]
    words += ["--scenes.min_persons", "2", "--scenes.max_persons", "2", "--scenes.min_height", "0.6", "--seed", "5"]
    assert data.main(words) == 0
    return folder / "walk.mp4"


def test_pictures_are_drawn_and_written(tiny_synthetic, tmp_path, capsys):
    folder = tiny_synthetic / "val2017"
    words = [*QUICK, "--out", str(tmp_path), "--formats", "coco", "csv", "yolo", "numpy"]
    assert main([str(folder), *words]) == 0
    count = len(list(folder.iterdir()))
    assert f"persons in {count} frames" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.jpg"))) == len(list((tmp_path / "labels" / "photographs").iterdir())) == count
    results = json.loads((tmp_path / "photographs.json").read_text())
    assert {result["image_id"] for result in results} <= set(range(10**6)) and results


@pytest.mark.parametrize("smooth", ["none", "one_euro", "lowess", "savitzky_golay"])
def test_a_video_is_followed_smoothed_and_drawn(scene, tmp_path, smooth):
    words = [*QUICK, "--out", str(tmp_path), "--track", "--smooth", smooth, "--formats", "numpy"]
    assert main([str(scene), *words, *(["--outliers", "1"] if smooth == "lowess" else [])]) == 0
    with av.open(str(tmp_path / "walk.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 20 and frames[0].shape == (192, 192, 3)
    found = np.load(tmp_path / "walk.npz")
    assert len(found["frame"]) > 20 and (np.bincount(found["track"][found["track"] > 0]) > 8).sum() >= 2
    assert np.isfinite(found["keypoints"]).all()


def test_some_frames_alone_and_nothing_drawn(scene, tmp_path):
    assert (
        main([str(scene), *QUICK, "--every", "5", "--save", "false", "--out", str(tmp_path), "--formats", "csv"]) == 0
    )
    assert [path.name for path in tmp_path.iterdir()] == ["walk.csv"]
    rows = (tmp_path / "walk.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} <= {"0", "5", "10", "15"}


def test_an_interruption_keeps_what_was_found(tmp_path):
    long = ["synthesize", str(tmp_path), "--video", "60", "--rate", "5", "--size", "64", "--split", "long"]
    assert data.main(long) == 0
    out = tmp_path / "out"
    words = [str(tmp_path / "long.mp4"), "--model", "attention_xs", "--out", str(out), "--formats", "coco", "csv"]
    process = subprocess.Popen([sys.executable, "-m", "distill.commands.predict", *words], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(out.glob(".long.*.mp4")) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and b"what was finished is kept" in error
    assert json.loads((out / "long.json").read_text()) is not None and (out / "long.csv").exists()
    with av.open(str(out / "long.mp4")) as container:
        assert 0 < sum(1 for _ in container.decode(video=0)) < 300


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.mp4"], "nowhere.mp4 names no photograph, folder, video, camera or stream"),
        ([], "source"),
        (["{folder}", "--model", "nobody"], "nobody is no file and no name"),
        (["{folder}", "--input_size", "100"], "input_size"),
        (["{folder}", "--formats", "xml"], "formats"),
        (["{folder}", "--smooth", "much"], "smooth"),
        (["{folder}", "--every", "0"], "every must be at least 1"),
        (["{folder}", "--out", "{file}"], "is a file; name a folder"),
        (["{folder}", "--tracking.oks", "3"], "tracking.oks"),
        (["7", "--model", "attention_xs"], "/dev/video7 cannot be opened as a video"),
    ],
)
def test_what_is_wrong_is_one_line(tiny_synthetic, tmp_path, capsys, words, message):
    file = tmp_path / "file"
    file.write_text("")
    folder = tiny_synthetic / "val2017"
    words = [word.replace("{folder}", str(folder)).replace("{file}", str(file)) for word in words]
    assert main([*words, *([] if "--out" in words else ["--out", str(tmp_path / "out")])]) != 0
    error = capsys.readouterr().err.strip().splitlines()
    assert message in error[-1] and "fault of the tool" not in error[-1], error


def test_pictures_of_which_none_can_be_read_are_an_error(tmp_path, capsys):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    assert main([str(tmp_path / "a.jpg"), *QUICK, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "a.jpg cannot be read as a photograph" in said and "none of the 1 photographs can be read" in said


def test_a_video_is_not_replaced_unasked(scene, capsys):
    assert data.main(["synthesize", str(scene.parent), "--video", "1", "--split", "walk"]) == 1
    assert "exists; choose another" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["picture", "folder", "video", "link"])
def test_what_is_looked_at_is_never_replaced(scene, tiny_synthetic, tmp_path, capsys, kind):
    place = tmp_path / "place"
    place.mkdir()
    original = place / ("own.mp4" if kind == "video" else "own.jpg")
    source = scene if kind == "video" else next((tiny_synthetic / "val2017").iterdir())
    original.write_bytes(source.read_bytes())
    content = original.read_bytes()
    out = place
    if kind == "link":
        out = tmp_path / "link"
        out.symlink_to(place)
    word = place if kind == "folder" else original
    assert main([str(word), "--model", "attention_xs", "--out", str(out)]) == 1
    assert "name another folder" in capsys.readouterr().err
    assert original.read_bytes() == content and list(place.iterdir()) == [original]
