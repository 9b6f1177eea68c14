import hashlib
import signal
import subprocess
import sys
import time

import pytest

from distill.commands.data import main
from distill.data.fetch import ARCHIVES, Archive, FetchConfig, fetch
from distill.system.errors import InputError

PHOTOGRAPHS = {"val2017/1.jpg": b"one", "val2017/2.jpg": b"two"}
ANNOTATIONS = {"annotations/person_keypoints_val2017.json": b"{}"}


@pytest.fixture
def archives(server, zip_of):
    """A data set as small as can be, served; its table of archives."""
    table = {}
    for name, path, members in (
        ("annotations", "annotations/annotations.zip", ANNOTATIONS),
        ("val2017", "zips/val2017.zip", PHOTOGRAPHS),
    ):
        content = server.files[f"/{path}"] = zip_of(members)
        table[name] = Archive(path, len(content), hashlib.md5(content).hexdigest(), name, len(members))
    return table


@pytest.fixture
def config(server, tmp_path):
    return FetchConfig(tmp_path / "coco", parts=("annotations", "val2017"), url=server.url + "/", retries=0)


def files_in(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_parts_come_and_their_archives_go(config, archives, capsys):
    fetch(config, archives)
    assert files_in(config.root) == PHOTOGRAPHS | ANNOTATIONS
    assert f"{config.root}/val2017: 2 files" in capsys.readouterr().out


def test_what_is_complete_is_not_asked_for_again(config, archives, server, capsys):
    fetch(config, archives)
    server.requests.clear()
    fetch(config, archives)
    assert not server.requests
    assert f"{config.root}/val2017: complete" in capsys.readouterr().out
    (config.root / "val2017" / "2.jpg").unlink()
    fetch(config, archives)
    assert [path for path, _ in server.requests] == ["/zips/val2017.zip"]
    assert files_in(config.root) == PHOTOGRAPHS | ANNOTATIONS


def test_an_archive_that_lies_there_is_checked_and_used(config, archives, server):
    config.root.mkdir()
    (config.root / "val2017.zip").write_bytes(server.files["/zips/val2017.zip"])
    fetch(config, archives)
    assert [path for path, _ in server.requests] == ["/annotations/annotations.zip"]
    (config.root / "val2017" / "1.jpg").unlink()
    (config.root / "val2017.zip").write_bytes(b"something else")
    with pytest.raises(InputError, match=r"val2017\.zip: MD5 is \w+, not \w+; remove the file"):
        fetch(config, archives)
    assert (config.root / "val2017.zip").read_bytes() == b"something else"


def test_an_archive_that_climbs_out_is_refused(config, archives, server, zip_of, tmp_path):
    content = server.files["/zips/val2017.zip"] = zip_of({"val2017/../../../escaped": b"x"})
    archives["val2017"] = Archive("zips/val2017.zip", len(content), hashlib.md5(content).hexdigest(), "val2017", 1)
    with pytest.raises(InputError, match="would lie outside val2017/"):
        fetch(config, archives)
    assert not list(tmp_path.rglob("escaped"))


def test_the_public_archives_are_named_like_their_parts():
    for name, archive in ARCHIVES.items():
        assert archive.folder == name
        assert len(archive.md5) == 32 and archive.size > 2e8


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--parts=[val2018]"], "parts ['val2018']: choose from annotations, val2017, train2017"),
        (["--url", "file:///etc"], "url 'file:///etc' must begin with http:// or https://"),
        (["--retries=-1"], "retries -1 must not be negative"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path, capsys, arguments, complaint):
    assert main(["fetch", str(tmp_path / "coco"), *arguments]) != 0
    said = capsys.readouterr().err
    assert complaint in said and said.count("\n") == 1
    assert not (tmp_path / "coco").exists()


def test_another_file_at_the_address_is_one_line(tmp_path, capsys, archives, server):
    arguments = ["fetch", str(tmp_path / "coco"), "--url", server.url, "--parts=[val2017]"]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    expected = f"{server.url}/zips/val2017.zip: the server offers {archives['val2017'].size} bytes, not 815585330"
    assert expected in said and said.count("\n") == 1


def test_an_interrupt_is_one_line_and_keeps_what_came(tmp_path, repository, server):
    server.statuses = [503] * 10
    part = tmp_path / "coco" / "val2017.zip.part"
    part.parent.mkdir()
    part.write_bytes(b"first bytes")
    program = "import sys; from distill.commands.data import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["fetch", str(part.parent), "--url", server.url, "--parts=[val2017]"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=repository,
        # Shells let what they start in the background ignore interrupts, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not server.requests and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.count("\n") == 1 and "interrupted" in said
    assert part.read_bytes() == b"first bytes"
