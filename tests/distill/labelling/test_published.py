"""Published weights: fetched and checked by their checksum, or asked for and checked by use."""

import hashlib
import re
import shutil

import pytest

from distill.commands import data
from distill.data.download import Checksum
from distill.labelling.published import PUBLISHED, FetchWeightsConfig, Published, fetch_weights
from distill.labelling.teacher import TEACHERS
from distill.system.errors import InputError
from distill.system.registry import option_names

CONTENT = bytes(range(256)) * 9000


@pytest.fixture
def fetch(server, tmp_path):
    """Function that fetches a served file of weights, known by the first digits of its SHA-256."""
    checksum = Checksum("SHA-256", hashlib.sha256(CONTENT).hexdigest()[:8])
    server.files["/models/net.pth"] = CONTENT
    published = {"keypoint_rcnn": Published("net.pth", "weights", "keypoint_rcnn", f"{server.url}/models/", checksum)}

    def fetch(**changes):
        config = FetchWeightsConfig(**{"name": "keypoint_rcnn", "out": tmp_path / "w", "retries": 0} | changes)
        fetch_weights(config, published)
        return tmp_path / "w" / "net.pth"

    return fetch


def test_a_file_comes_and_is_told_how_to_use(fetch, server, capsys):
    path = fetch()
    assert path.read_bytes() == CONTENT
    assert f"--teacher.name keypoint_rcnn --teacher.weights {path}" in capsys.readouterr().out
    server.requests.clear()
    fetch()
    assert not server.requests


def test_a_started_one_goes_on_and_a_mirror_will_do(fetch, server, tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "net.pth.part").write_bytes(CONTENT[:70_000])
    server.files["/mirror/net.pth"] = server.files.pop("/models/net.pth")
    assert fetch(url=f"{server.url}/mirror").read_bytes() == CONTENT
    assert server.requests[-1] == ("/mirror/net.pth", "bytes=70000-")


def test_other_bytes_are_refused(fetch, server, tmp_path):
    server.files["/models/net.pth"] = CONTENT[:-1] + b"?"
    with pytest.raises(InputError, match=r"SHA-256 is \w+, not \w{8}; the bytes were removed"):
        fetch()
    assert not list((tmp_path / "w").iterdir())
    (tmp_path / "w" / "net.pth").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"net.pth: SHA-256 is \w+, not \w{8}; remove the file and run again"):
        fetch()
    assert (tmp_path / "w" / "net.pth").read_bytes() == b"mine"


def test_what_a_person_must_fetch_is_said_and_then_checked_by_use(shared, tmp_path, capsys):
    words = ["fetch-weights", "posenet", "--out", str(tmp_path)]
    file = PUBLISHED["posenet"].file
    assert data.main(words) == 1
    said = capsys.readouterr().err
    assert f"put it at {tmp_path / file}" in said and "PoseNet" in said
    shutil.copy(shared / "peers" / "movenet_single_pose_lightning_ptq.tflite", tmp_path / file)
    assert data.main(words) == 1
    assert re.search(rf"{file} is not what is meant: .* not PoseNet's heatmaps", capsys.readouterr().err)
    shutil.copy(shared / "peers" / file, tmp_path)
    assert data.main(words) == 0
    assert "checked; distill-cache build --teacher.name posenet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nobody"], "choose from keypoint_rcnn, higher_hrnet_w32"),
        (["posenet", "--url", "ftp://x"], "must begin with http"),
        (["posenet", "--retries", "-1"], "retries -1 must not be negative"),
    ],
)
def test_what_is_wrong_is_one_line(capsys, words, message):
    assert data.main(["fetch-weights", *words]) == 1
    error = capsys.readouterr().err.strip()
    assert message in error and "\n" not in error


def test_every_entry_names_a_teacher_and_its_option():
    for name, entry in PUBLISHED.items():
        assert entry.option in option_names(TEACHERS.get(entry.teacher)), name
        assert (entry.url is None) == (entry.checksum is None) == bool(entry.where), name
