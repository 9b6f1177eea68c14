"""What is left of a label store after faults: writers killed, a full disk, torn files, flipped bits, twins.

    python benchmarks/store_faults.py --rounds 50

Every round fills a new store, lets one fault happen at a random moment or place, runs the same filling
again, and compares every array, image by image, with a store that was written without interruption. The
last column must be 0; the exit code is 1 if it is not.
"""

import argparse
import hashlib
import multiprocessing
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cache.errors import StoreError
from cache.store import SoftLabelStore

IMAGES, KEYPOINTS, MAP_SIZE, SHARD_LENGTH = 60, 17, 48, 8
SHARDED = ("heatmap", "persons", "person_score", "peak")
# Forked from a process that has never touched zarr, whose threads a fork would not take along.
_fork = multiprocessing.get_context("fork")


def fill(path: Path):
    """Do what is missing of the store at a path."""
    ids = np.arange(IMAGES) * 3 + 1
    store = SoftLabelStore.create(
        path,
        image_ids=ids,
        image_sizes=np.full((IMAGES, 2), 4 * MAP_SIZE),
        to_map=np.tile([[0.25, 0, 0], [0, 0.25, 0]], (IMAGES, 1, 1)),
        num_keypoints=KEYPOINTS,
        map_size=MAP_SIZE,
        shard_length=SHARD_LENGTH,
        attributes={},
    )
    for shard in store.missing_shards():
        rngs = [np.random.default_rng(i) for i in store.shard_image_ids(shard)]
        heatmaps = np.stack([rng.random((KEYPOINTS, MAP_SIZE, MAP_SIZE), np.float32) ** 8 for rng in rngs])
        persons = [rng.uniform(0.1, 99, (rng.integers(0, 4), KEYPOINTS, 3)) for rng in rngs]
        peaks = [rng.random((rng.integers(0, 40), 5)) * (KEYPOINTS, 99, 99, 1, 9) for rng in rngs]
        store.write_shard(shard, heatmaps, persons, [np.ones(len(some)) for some in persons], peaks)


def fill_or_refuse(path: Path, largest_file: int | None = None) -> bool:
    """As `fill`; False if the disk refused, for which a limit on the size of files may stand."""
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    try:
        fill(path)
    except StoreError:
        return False
    return True


def digests(path: Path) -> list[str]:
    """SHA-256 of everything stored of each image; empty if it cannot be read."""
    store = SoftLabelStore.open(path)
    found = []
    for image_id in store.image_ids.tolist():
        try:
            label = store.read(image_id)
        except StoreError:
            found.append("")
            continue
        digest = hashlib.sha256()
        for values in (label.heatmap, label.to_map, label.persons, label.person_score, label.peaks):
            digest.update(np.ascontiguousarray(values).tobytes())
        found.append(digest.hexdigest())
    return found


def missing(path: Path) -> list[int]:
    """Shards that do not match their checksums, or -1 where the arrays made at creation do not."""
    store = SoftLabelStore.open(path)
    try:
        store.check_created()
    except StoreError:
        return [-1]
    return store.missing_shards()


def torn(path: Path) -> int:
    """Shards of which something is there but which do not count, in a store that may not be one yet."""
    try:
        shards = missing(path)
    except StoreError:
        return 0
    return sum(any((path / name / f"c/{shard}").exists() for name in SHARDED) for shard in shards)


def _answer(queue, action, arguments):
    queue.put(action(*arguments))


def in_child(action: Callable, *arguments):
    """What an action gives in a process of its own."""
    queue = _fork.SimpleQueue()
    process = _fork.Process(target=_answer, args=(queue, action, arguments))
    process.start()
    process.join(120)
    if process.exitcode != 0:
        raise RuntimeError(f"{action.__name__} ended with {process.exitcode}")
    return queue.get()


class Faults:
    """Counts of one kind of fault, and the store that all others must equal."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.rng = folder, random.Random(seed)
        self.reference = folder / "reference.zarr"
        start = time.perf_counter()
        in_child(fill, self.reference)
        self.seconds = time.perf_counter() - start
        self.expected = in_child(digests, self.reference)
        self.counts: dict[str, list[int]] = {}

    def run(self, name: str, rounds: int):
        """Let a fault happen so many times."""
        tried = shards = lost = 0
        for number in range(rounds):
            path = self.folder / f"{name}-{number}.zarr"
            faults, torn_shards = getattr(self, name)(path)
            tried, shards = tried + faults, shards + torn_shards
            in_child(fill, path)
            found = in_child(digests, path)
            lost += sum(a != b for a, b in zip(found, self.expected, strict=True))
            shutil.rmtree(path)
        self.counts[name] = [rounds, tried, shards, lost]

    def killed(self, path: Path) -> tuple[int, int]:
        """Writers killed one after another until one comes to its end."""
        kills = shards = 0
        while kills < 20:
            writer = _fork.Process(target=fill, args=(path,))
            writer.start()
            time.sleep(self.rng.uniform(0, self.seconds))
            writer.kill()
            writer.join()
            if writer.exitcode == 0:
                break
            kills, shards = kills + 1, shards + in_child(torn, path)
        return kills, shards

    def twins(self, path: Path) -> tuple[int, int]:
        """Two writers with the same work at the same time, of which one is killed every other time."""
        writers = [_fork.Process(target=fill, args=(path,)) for _ in range(2)]
        for writer in writers:
            writer.start()
        kills = self.rng.random() < 0.5
        if kills:
            time.sleep(self.rng.uniform(0, self.seconds))
            writers[0].kill()
        for writer in writers:
            writer.join(120)
        if writers[1].exitcode != 0:
            raise RuntimeError(f"the other writer ended with {writers[1].exitcode}")
        return 1, in_child(torn, path)

    def full_disk(self, path: Path) -> tuple[int, int]:
        """A disk that fills up: a small one in memory where it can be mounted, else a limit on the size of files."""
        bytes_needed = sum(file.stat().st_size for file in self.reference.rglob("*") if file.is_file())
        with small_disk(self.folder / "disk", self.rng.randrange(20_000, bytes_needed)) as disk:
            if disk is None:
                largest = max(file.stat().st_size for file in self.reference.rglob("*"))
                refused = not in_child(fill_or_refuse, path, self.rng.randrange(100, largest))
                return refused, in_child(torn, path)
            refused = not in_child(fill_or_refuse, disk / "labels.zarr")
            shards = in_child(torn, disk / "labels.zarr")
            if (disk / "labels.zarr").exists():
                shutil.copytree(disk / "labels.zarr", path)
        return refused, shards

    def torn_file(self, path: Path) -> tuple[int, int]:
        """An array's file or a shard's marker cut off at a random length."""
        file = self._copy(path, "*/c/**/*", "complete/*")
        with file.open("r+b") as opened:
            opened.truncate(self.rng.randrange(file.stat().st_size))
        return 1, self._noticed(path)

    def flipped_bit(self, path: Path) -> tuple[int, int]:
        """A bit that turned over, anywhere in an array."""
        file = self._copy(path, "*/c/**/*")
        content = bytearray(file.read_bytes())
        content[self.rng.randrange(len(content))] ^= 1 << self.rng.randrange(8)
        file.write_bytes(content)
        return 1, self._noticed(path)

    def _copy(self, path: Path, *patterns: str) -> Path:
        """One of the matching files in a copy of the reference."""
        shutil.copytree(self.reference, path)
        return self.rng.choice(sorted(file for each in patterns for file in path.glob(each) if file.is_file()))

    def _noticed(self, path: Path) -> int:
        shards = len(in_child(missing, path))
        if shards != 1:
            raise RuntimeError(f"{path}: one file was damaged, {shards} were noticed")
        return shards


FAULTS = ("killed", "twins", "full_disk", "torn_file", "flipped_bit")


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path | None]:
    """A file system of so many bytes, or None where it cannot be mounted."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="stores of each fault (default 20)")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS, help="which (default all)")
    parser.add_argument("--seed", type=int, default=0, help="of moments and places (default 0)")
    parser.add_argument("--folder", type=Path, help="where to write, by default the system's temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        faults = Faults(Path(folder), options.seed)
        for name in options.faults:
            faults.run(name, options.rounds)
    print(f"{IMAGES} images in {-(-IMAGES // SHARD_LENGTH)} shards, written in {faults.seconds:.2f} s")
    print(f"{'fault':14s}{'rounds':>8s}{'faults':>8s}{'shards torn':>13s}{'images lost':>13s}")
    for name, (rounds, tried, shards, lost) in faults.counts.items():
        print(f"{name:14s}{rounds:8d}{tried:8d}{shards:13d}{lost:13d}")
    return int(any(counts[-1] for counts in faults.counts.values()))


if __name__ == "__main__":
    sys.exit(main())
