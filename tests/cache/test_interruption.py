"""Writers that are killed at any moment, and several at once."""

import random
import subprocess
import sys
import time

import pytest

from cache.store import SoftLabelStore

WRITER = """
import sys, importlib.util
spec = importlib.util.spec_from_file_location("labels", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print("ready", flush=True)
sys.stdin.readline()
module.Labels().fill(sys.argv[2])
"""


@pytest.fixture
def start_writer(repository):
    """Function that starts a process which, at a line on its input, fills the store at a path."""
    processes = []

    def start(path):
        command = [sys.executable, "-c", WRITER, str(repository / "tests/cache/conftest.py"), str(path)]
        process = subprocess.Popen(
            command, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": str(repository)}
        )
        processes.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def begin(process):
    process.stdin.write(b"\n")
    process.stdin.flush()


def files_of(store):
    return {
        str(path.relative_to(store.files.root)): path.read_bytes()
        for path in store.files.root.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_killed_writers_leave_a_store_that_resumes(filled, labels, start_writer, tmp_path):
    random.seed(0)
    path = tmp_path / "killed.zarr"
    cut_short = 0
    for attempt in range(8):
        writer = start_writer(path)
        begin(writer)
        if attempt % 2:
            while writer.poll() is None and not list(path.glob("complete/*.json")):
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.03))
        else:
            time.sleep(random.uniform(0.05, 0.15))
        writer.kill()
        cut_short += writer.wait() != 0
    assert cut_short >= 4
    store = labels.fill(path)
    assert store.missing_shards() == []
    assert files_of(store) == files_of(filled)


def test_process_killed_between_write_and_marker(filled, labels, monkeypatch):
    """The marker of the earlier content does not vouch for what was written after it."""
    before = files_of(filled)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cache.markers.write", die)
        with pytest.raises(KeyboardInterrupt):
            labels.write(filled, 1)
    assert filled.missing_shards() == [1]
    labels.write(filled, 1)
    assert files_of(filled) == before


def test_several_processes_create_and_fill_at_once(filled, start_writer, tmp_path):
    path = tmp_path / "shared.zarr"
    writers = [start_writer(path) for _ in range(3)]
    for writer in writers:
        begin(writer)
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    store = SoftLabelStore.open(path)
    assert store.missing_shards() == []
    assert files_of(store) == files_of(filled)


def test_interrupted_creation_is_done_again(labels, filled, monkeypatch, tmp_path):
    path = tmp_path / "s.zarr"

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("zarr.consolidate_metadata", die)
        with pytest.raises(KeyboardInterrupt):
            labels.create(path)
    assert files_of(labels.fill(path)) == files_of(filled)
