"""Bytes an image, write rate and random read rate of the soft-label store against float32 `.npz` files.

    python benchmarks/label_store.py --images 512

Maps are made up: zero to five persons an image, Gaussians of varying height at their joints, and a
smooth noise floor as networks have it. Everything is read back decoded to float32, from a warm disk, in
one process.
"""

import argparse
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cache.store import SoftLabelStore

KEYPOINTS, PERSONS = 17, 30


def made_up_maps(images: int, size: int, noise: float, seed: int = 0) -> np.ndarray:
    """Heatmaps (N, K, S, S) float32, 0..1; `noise` is the deviation of the background."""
    rng = np.random.default_rng(seed)
    cells = np.arange(size) + 0.5
    maps = np.zeros((images, KEYPOINTS, size, size), np.float32)
    for image in maps:
        for _ in range(rng.integers(0, 6)):
            spread = rng.uniform(0.05, 0.3) * size
            points = rng.uniform(0, size, 2) + rng.normal(0, spread / 2, (KEYPOINTS, 2))
            heights = rng.uniform(0.2, 1, (KEYPOINTS, 1, 1))
            across, down = (np.exp(-((cells - p[:, None]) ** 2) / (2 * 1.3**2)) for p in points.T)
            np.maximum(image, heights * down[:, :, None] * across[:, None, :], out=image)
        image += np.abs(smooth_noise(rng, size)) * noise
    return maps.clip(0, 1)


def smooth_noise(rng: np.random.Generator, size: int) -> np.ndarray:
    """(K, S, S) noise of deviation 1 that varies over about four cells."""
    frequencies = np.hypot(*np.meshgrid(np.fft.rfftfreq(size), np.fft.fftfreq(size)))
    spectrum = np.fft.rfft2(rng.normal(size=(KEYPOINTS, size, size))) * np.exp(-((frequencies * 8) ** 2) / 2)
    noise = np.fft.irfft2(spectrum, (size, size))
    return (noise / noise.std()).astype(np.float32)


def write_store(folder: Path, maps: np.ndarray, shard_length: int) -> SoftLabelStore:
    """Write maps, with 30 persons in each image, into a new store."""
    count, _, size, _ = maps.shape
    store = SoftLabelStore.create(
        folder,
        image_ids=np.arange(count),
        image_sizes=np.full((count, 2), 4 * size),
        to_map=np.tile([[0.25, 0, 0], [0, 0.25, 0]], (count, 1, 1)),
        num_keypoints=KEYPOINTS,
        map_size=size,
        max_persons=PERSONS,
        shard_length=shard_length,
        attributes={},
    )
    for shard in range(store.num_shards):
        ids = store.shard_image_ids(shard)
        rng = np.random.default_rng(shard)
        persons = [rng.uniform(0.1, 4 * size, (n, KEYPOINTS, 3)) for n in rng.integers(0, 6, len(ids))]
        store.write_shard(shard, maps[ids[0] : ids[-1] + 1], persons, [np.ones(len(some)) for some in persons])
    return store


def write_npz(folder: Path, maps: np.ndarray, save: Callable):
    """Write one file an image."""
    folder.mkdir()
    for number, heatmap in enumerate(maps):
        save(folder / f"{number:012d}.npz", heatmap=heatmap)


def read_npz(folder: Path, number: int) -> np.ndarray:
    """The maps of one file."""
    with np.load(folder / f"{number:012d}.npz") as file:
        return file["heatmap"]


def rate(count: int, action: Callable[[], object]) -> float:
    """Images a second of an action that handles so many."""
    start = time.perf_counter()
    action()
    return count / (time.perf_counter() - start)


def bytes_in(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=512, help="number of images")
    parser.add_argument("--map-size", type=int, default=160, help="side of the maps, cells")
    parser.add_argument("--shard-length", type=int, default=128, help="images a shard")
    parser.add_argument("--noise", type=float, default=0.006, help="deviation of the background, 0..1")
    parser.add_argument("--repeats", type=int, default=3, help="random reads of every image, the median counts")
    parser.add_argument("--folder", type=Path, help="where to write, by default the system's temporary folder")
    options = parser.parse_args()

    maps = made_up_maps(options.images, options.map_size, options.noise)
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        rows = {}
        for name, save in (("npz float32", np.savez), ("npz compressed", np.savez_compressed)):
            place = folder / name.replace(" ", "_")
            written = rate(len(maps), lambda place=place, save=save: write_npz(place, maps, save))
            rows[name] = place, written, lambda i, place=place: read_npz(place, i)
        place = folder / "labels.zarr"
        written = rate(len(maps), lambda: write_store(place, maps, options.shard_length))
        store = SoftLabelStore.open(place)
        rows["store, with persons"] = place, written, store.read
        rows["store, heatmaps only"] = place, written, lambda i: store.encoding.decode(store.read_quantised(i))

        error = max(np.abs(store.read(i).heatmap - maps[i]).max() for i in range(len(maps)))
        reads = {name: [] for name in rows}
        for repeat in range(options.repeats):
            order = np.random.default_rng(repeat).permutation(len(maps)).tolist()
            for name, (_, _, read) in rows.items():
                reads[name].append(rate(len(maps), lambda read=read, order=order: [read(i) for i in order]))

        print(
            f"{platform.processor() or platform.machine()}, {len(maps)} images, {KEYPOINTS} x {maps.shape[2]}^2 cells"
        )
        print(f"{'':22s}{'kB/image':>10s}{'writes/s':>10s}{'reads/s':>10s}{'reads, relative':>17s}")
        baseline = np.median(reads["npz float32"])
        for name, (place, written, _) in rows.items():
            read = np.median(reads[name])
            size = bytes_in(place) / len(maps) / 1000
            print(f"{name:22s}{size:10.1f}{written:10.0f}{read:10.0f}{read / baseline:17.2f}")
        print(f"largest error of the decoded maps: {error:.4f} (floor {store.encoding.floor})")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
