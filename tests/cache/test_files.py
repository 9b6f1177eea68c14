import hashlib
import multiprocessing

import pytest

from cache.files import LocalFiles, open_files


@pytest.fixture(params=["local", "s3"])
def files(request, tmp_path):
    """Files in a new folder, and in a new bucket of a real S3 server."""
    place = tmp_path / "store" if request.param == "local" else f"{request.getfixturevalue('bucket')}/store"
    return open_files(place)


def test_put_read_size_and_checksum(files):
    assert files.sizes() == {}
    files.put("a/b.json", b"one")
    files.put("a/b.json", b"two!")
    files.put("a/.hidden", b"x")
    assert files.read("a/b.json") == b"two!"
    assert files.read_all(["a/b.json", "a/c.json"]) == {"a/b.json": b"two!"}
    assert files.read_all([]) == {}
    assert files.size("a/b.json") == 4
    assert files.sizes() == {"a/b.json": 4}
    assert files.sha256("a/b.json") == hashlib.sha256(b"two!").hexdigest()
    files.delete("a/b.json")
    files.delete("a/b.json")
    assert files.read("a/b.json") is files.size("a/b.json") is files.sha256("a/b.json") is None


def test_relative_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = open_files("folder/store")
    files.put("a/b", b"one")
    assert files.sizes() == LocalFiles(tmp_path / "folder/store").sizes() == {"a/b": 3}


def test_put_leaves_nothing_else(tmp_path):
    files = LocalFiles(tmp_path)
    files.put("a", b"one")
    assert files.put_new("b", b"two")
    assert not files.put_new("b", b"three")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        files.put("folder", b"three")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "folder"}


def put_mine(files, mine, results):
    results.put((mine, files.put_new("claim", mine)))


def test_one_of_many_makes_a_new_file(files):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=put_mine, args=(files, f"{i}".encode(), results)) for i in range(4)]
    for process in processes:
        process.start()
    answers = dict(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    assert sorted(answers.values()) == [False, False, False, True]
    assert answers[files.read("claim")]


def test_file_urls_are_paths(tmp_path):
    assert open_files(f"file://{tmp_path}/with%20blank").root == tmp_path / "with blank"
