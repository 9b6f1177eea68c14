"""Files appear whole or not at all."""

import errno
import os

import pytest

from distill.system.files import unfinished_file, write_atomically


@pytest.mark.parametrize("content", [b"\x00\xff", "größer\n"])
def test_what_is_written_is_there(tmp_path, content):
    path = tmp_path / "new" / "deep" / "file.bin"
    write_atomically(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


def test_after_an_error_the_old_file_stays_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyError), unfinished_file(path) as temporary:
        temporary.write_text("half of the n")
        raise KeyError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_the_old_file_is_there_until_the_end(tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("old")
    with unfinished_file(str(path)) as temporary:
        assert temporary.suffix == ".png" and temporary.parent == tmp_path and temporary.name.startswith(".")
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_content_is_on_the_disk_before_its_name(tmp_path, monkeypatch):
    seen, fsync = [], os.fsync

    def synced(number):
        seen.append((tmp_path / "file").exists())
        fsync(number)

    monkeypatch.setattr(os, "fsync", synced)
    write_atomically(tmp_path / "file", "x")
    assert seen == [False]


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file" / "below", "x")


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match="No space left on device") as refused, unfinished_file(tmp_path / "x.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert refused.value.filename == str(tmp_path / "x.json")
    assert not list(tmp_path.iterdir())
