import fcntl
import hashlib
import random
import socket
from pathlib import Path

import pytest

from distill.data.download import Checksum, download, size_of
from distill.system.errors import InputError

CONTENT = random.Random(0).randbytes(3_500_000)
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def get(server, tmp_path):
    """Function that downloads /file from the server into a path, by default as what it is."""
    server.files["/file"] = CONTENT

    def call(**changes) -> Path:
        path = tmp_path / "file"
        download(
            f"{server.url}/file",
            path,
            **({"size": len(CONTENT), "checksum": Checksum("MD5", MD5), "retries": 0} | changes),
        )
        return path

    return call


def part_of(tmp_path: Path, content: bytes) -> Path:
    part = tmp_path / "file.part"
    part.write_bytes(content)
    return part


def test_a_file_comes_whole_and_is_reported(get, tmp_path):
    reports = []
    assert get(report=reports.append).read_bytes() == CONTENT
    assert reports[0] == 0 and len(CONTENT) in reports
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_started_download_goes_on(get, server, tmp_path):
    part_of(tmp_path, CONTENT[:1_000_001])
    assert get().read_bytes() == CONTENT
    assert server.requests == [("/file", "bytes=1000001-")]


def test_cut_connections_are_taken_up_again(get, server):
    server.cut_after = 1_200_000
    assert get().read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [None, "bytes=1200000-", "bytes=2400000-"]


def test_a_server_without_ranges_starts_over(get, server, tmp_path):
    server.knows_ranges = False
    part_of(tmp_path, b"x" * 1000)
    assert get().read_bytes() == CONTENT


def test_what_is_already_there_is_only_checked(get, server, tmp_path):
    part_of(tmp_path, CONTENT)
    assert get().read_bytes() == CONTENT
    assert not server.requests


def test_a_part_that_is_too_long_starts_over(get, tmp_path):
    part_of(tmp_path, CONTENT + b"more")
    assert get().read_bytes() == CONTENT


def test_a_tired_server_is_asked_again(get, server):
    server.statuses = [503]
    assert get(retries=1).read_bytes() == CONTENT


def test_wrong_bytes_are_removed_and_told(get, server, tmp_path):
    server.files["/file"] = CONTENT[:-1] + b"?"
    with pytest.raises(InputError, match=rf"{server.url}/file: MD5 is \w+, not {MD5}; the bytes were removed"):
        get()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("began", [b"", CONTENT[:1000]])
def test_a_file_of_another_size_is_refused_before_it_comes(get, server, tmp_path, began):
    part = part_of(tmp_path, began)
    server.files["/file"] = CONTENT[:2000]
    with pytest.raises(InputError, match=r"the server offers 2000 bytes, not 3500000"):
        get()
    assert part.read_bytes() == began


def test_a_missing_file_is_told(get, server):
    server.files.clear()
    with pytest.raises(InputError, match=r"/file: 404 Not Found; change --url"):
        get(retries=3)
    assert len(server.requests) == 1


def test_a_server_that_stays_down_is_told(get, server):
    server.statuses = [503, 500]
    with pytest.raises(InputError, match=r"Internal Server Error; run again"):
        get(retries=1)


def test_no_connection_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(InputError, match=rf"{url}: Connection refused; run again"):
            download(url, tmp_path / "file", size=5, checksum=Checksum("MD5", MD5), retries=0)


def test_a_full_disk_is_told_when_writing(get, tmp_path):
    (tmp_path / "file.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"file\.part: No space left on device; make room and run again"):
        get()


def test_a_disk_that_is_too_small_is_told_first(get, server):
    with pytest.raises(InputError, match=r"1000000000\.0 GB are needed and"):
        get(size=10**18)
    assert not server.requests


def test_two_downloads_of_one_file_do_not_mix(get, tmp_path):
    with part_of(tmp_path, b"").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another download of this file is under way"):
            get()


def test_checksums(tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    for kind, value in (("MD5", MD5), ("SHA-256", SHA256), ("SHA-256", SHA256[:8])):
        assert Checksum(kind, value).complaint(tmp_path / "x") is None
    assert Checksum("SHA-256", "00").complaint(tmp_path / "x") == f"SHA-256 is {SHA256}, not 00"


def test_a_size_that_nobody_knows_is_asked_for(get, server):
    server.statuses = [503]
    assert get(size=None, retries=1).read_bytes() == CONTENT
    server.files.clear()
    with pytest.raises(InputError, match="404 Not Found"):
        size_of(f"{server.url}/file", retries=0)
