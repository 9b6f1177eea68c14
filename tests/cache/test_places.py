"""Places that a store cannot be made in, or only in another way: the right cause is named, or the store is made."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cache.errors import StoreError
from cache.files import LocalFiles
from cache.store import SoftLabelStore

IDS = np.arange(3) + 7


def create(url, image_ids=IDS) -> SoftLabelStore:
    return SoftLabelStore.create(
        url,
        image_ids=image_ids,
        image_sizes=np.tile((64, 48), (3, 1)),
        to_map=np.tile(np.eye(2, 3), (3, 1, 1)),
        num_keypoints=2,
        map_size=16,
        max_persons=4,
        shard_length=2,
        attributes={},
    )


def fill(store: SoftLabelStore, shard: int = 0):
    nobody = [np.zeros((0, 2, 3), np.float32)] * 2, [np.zeros(0, np.float32)] * 2, [np.zeros((0, 5), np.float32)] * 2
    store.write_shard(shard, np.random.default_rng(0).random((2, 2, 16, 16), dtype=np.float32), *nobody)


LIMITED = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from test_places import create, fill
from cache.errors import StoreError
if sys.argv[1] == "shard":
    store = create("labels.zarr")
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    fill(store) if sys.argv[1] == "shard" else create("labels.zarr")
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("moment", ["creation", "shard"])
def test_a_full_temporary_folder_is_named(moment, tmp_path, repository):
    """Where no file can grow, the first that wants to is one in the temporary folder."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-c", LIMITED, moment, str(Path(__file__).parent), str(repository)]
    environment = os.environ | {"TMPDIR": str(temporary)}
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert f"the temporary folder {temporary} cannot be written" in finished.stdout
    assert "TMPDIR" in finished.stdout
    assert not any(temporary.iterdir())


def test_without_hard_links_a_store_is_made_all_the_same(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.EPERM, "Operation not permitted", str(target))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    store = create(tmp_path / "labels.zarr")
    fill(store)
    assert store.missing_shards() == [1]
    assert LocalFiles(tmp_path).put_new("new", b"one")
    assert not LocalFiles(tmp_path).put_new("new", b"two")
    assert (tmp_path / "new").read_bytes() == b"one"
    with pytest.raises(StoreError, match="image_id was made for other images"):
        create(tmp_path / "labels.zarr", IDS + 1)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_folders_that_cannot_be_brought_onto_the_disk_are_no_fault(code, tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir():
            raise OSError(code, os.strerror(code))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    fill(create(tmp_path / "labels.zarr"))
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(StoreError, match="Input/output error"):
        create(tmp_path / "other.zarr")


def test_links_lead_to_the_store(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    (tmp_path / "labels.zarr").symlink_to(tmp_path / "far" / "not_yet.zarr")
    for name in ("near/a.zarr", "labels.zarr"):
        fill(create(tmp_path / name))
        assert SoftLabelStore.open(tmp_path / name).missing_shards() == [1]
    assert sorted(path.name for path in (tmp_path / "far").iterdir()) == ["a.zarr", "not_yet.zarr"]


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file", "file/labels.zarr"):
        with pytest.raises(StoreError, match=r"cannot be written \(.*file.*\); choose another place"):
            create(tmp_path / name)
