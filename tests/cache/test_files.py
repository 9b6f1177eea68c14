import hashlib
import multiprocessing
from pathlib import Path

import pytest

from cache.errors import StoreError
from cache.files import LOCK, LocalFiles


def test_put_read_size_and_checksum(tmp_path):
    files = LocalFiles(tmp_path / "store")
    files.put("a/b.json", b"one")
    files.put("a/b.json", b"two!")
    assert files.read("a/b.json") == b"two!"
    assert files.size("a/b.json") == 4
    assert files.sha256("a/b.json") == hashlib.sha256(b"two!").hexdigest()
    assert [path.name for path in (tmp_path / "store" / "a").iterdir()] == ["b.json"]
    files.delete("a/b.json")
    files.delete("a/b.json")
    assert files.read("a/b.json") is files.size("a/b.json") is files.sha256("a/b.json") is None


def test_file_urls_are_paths(tmp_path):
    assert LocalFiles(f"file://{tmp_path}/with%20blank").root == tmp_path / "with blank"


def test_other_urls_are_refused():
    with pytest.raises(StoreError, match="s3://bucket/labels"):
        LocalFiles("s3://bucket/labels")


def test_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match="file/store: cannot be written"),
        LocalFiles(tmp_path / "file/store").exclusive(),
    ):
        pass


def count_up(root):
    files = LocalFiles(root)
    for _ in range(50):
        with files.exclusive():
            files.put("count", str(int(files.read("count") or 0) + 1).encode())


def test_lock_keeps_processes_apart(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=count_up, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert LocalFiles(tmp_path).read("count") == b"150"
    assert LocalFiles(tmp_path).names() == {"count"}
    assert Path(tmp_path / LOCK).exists()
