"""Bytes an image, write rate and random read rate of the soft-label store against `.npz`, HDF5 and float16 zarr.

    python benchmarks/label_store.py --images 512

Maps are made up: zero to five persons an image, Gaussians of varying height at their joints, and a
smooth noise floor as networks have it. Everything is read back decoded to float32, from a warm disk, in one
loader worker and in two. Rates are by the clock; the last columns are the processor time for an image, written and
read by one process, which tells more where other work runs beside.
"""

import argparse
import multiprocessing
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import h5py
import numpy as np
import zarr

from cache.store import SoftLabelStore

KEYPOINTS, PERSONS, PEAKS = 17, 30, 130


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


def made_up_peaks(count: int, side: int, seed: int = 0) -> list[np.ndarray]:
    """As many peaks in each of so many photographs as in those of COCO: (PEAKS, 5) rows as the store takes them."""
    rng = np.random.default_rng(seed)
    rows = rng.random((count, PEAKS, 5)) * (KEYPOINTS, side, side, 1, side / 30)
    rows[..., 0] = np.floor(rows[..., 0])
    return list(rows)


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
        peaks = made_up_peaks(len(ids), 4 * size, seed=shard)
        store.write_shard(shard, maps[ids[0] : ids[-1] + 1], persons, [np.ones(len(some)) for some in persons], peaks)
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


def write_hdf5(path: Path, maps: np.ndarray, compression: str):
    """Write all maps into one file, one image a chunk."""
    with h5py.File(path, "w") as file:
        file.create_dataset("heatmap", data=maps, chunks=(1, *maps.shape[1:]), compression=compression)


def read_hdf5(path: Path, number: int) -> np.ndarray:
    """The maps of one image; the file is opened each time, as `.npz` files are."""
    with h5py.File(path) as file:
        return file["heatmap"][number]


def write_zarr(folder: Path, maps: np.ndarray):
    """Write float16 with zarr's own defaults, one image a chunk."""
    array = zarr.create_array(folder, shape=maps.shape, chunks=(1, *maps.shape[1:]), dtype=np.float16)
    array[:] = maps.astype(np.float16)


class ZarrMaps:
    """Maps of a float16 array, opened at first use in each process."""

    def __init__(self, folder: Path):
        self.folder, self._array = folder, None

    def __call__(self, number: int) -> np.ndarray:
        if self._array is None:
            self._array = zarr.open_array(self.folder, mode="r")
        return self._array[number].astype(np.float32)


class StoredMaps:
    """Heatmaps of a store, with or without the persons, opened at first use in each process."""

    def __init__(self, folder: Path, persons: bool):
        self.store, self.persons = SoftLabelStore.open(folder), persons

    def __call__(self, number: int) -> np.ndarray:
        return self.store.read(number).heatmap if self.persons else self.store.read_heatmap(number)[0]


def reading_time(read: Callable[[int], np.ndarray], order: list[int]) -> tuple[float, float, float]:
    """When the reading of images, but for a first one, began and ended, and processor time it took, seconds."""
    read(order[0])
    start, used = time.perf_counter(), time.process_time()
    for number in order:
        read(number)
    return start, time.perf_counter(), time.process_time() - used


def start_workers(count: int) -> ProcessPoolExecutor:
    """Processes that are ready once each has been given work."""
    # Forked processes would inherit the threads of the readers that this process has used.
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(count, context, initializer=context.Barrier(count).wait)


def reading_rate(
    pool: ProcessPoolExecutor, read: Callable[[int], np.ndarray], orders: list[list[int]]
) -> tuple[float, float]:
    """Images a second, and processor seconds an image, of processes that each read an order of images."""
    waiting = [pool.submit(reading_time, read, order) for order in orders]
    starts, ends, used = zip(*(some.result() for some in waiting), strict=True)
    images = sum(map(len, orders))
    return images / (max(ends) - min(starts)), sum(used) / images


def reading_rates(
    readers: dict[str, Callable[[int], np.ndarray]], images: int, repeats: int, workers: int
) -> dict[str, tuple[float, float]]:
    """Median over the repeats, in which the readers take turns, of what `reading_rate` gives for each."""
    measured = {name: [] for name in readers}
    with start_workers(workers) as pool:
        for repeat in range(repeats):
            orders = [np.random.default_rng([repeat, w]).permutation(images).tolist() for w in range(workers)]
            for name, read in readers.items():
                measured[name].append(reading_rate(pool, read, orders))
    return {name: tuple(np.median(some, axis=0)) for name, some in measured.items()}


def times(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor that an action takes."""
    start, used = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - used


def bytes_in(folder: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return sum(path.stat().st_size for path in [folder, *folder.rglob("*")] if path.is_file())


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=512, help="number of images")
    parser.add_argument("--map-size", type=int, default=128, help="side of the maps, cells")
    parser.add_argument("--shard-length", type=int, default=128, help="images a shard")
    parser.add_argument("--noise", type=float, default=0.006, help="deviation of the background, 0..1")
    parser.add_argument("--repeats", type=int, default=3, help="random reads of every image, the median counts")
    parser.add_argument("--folder", type=Path, help="where to write, by default the system's temporary folder")
    options = parser.parse_args()

    # One thread, as beside loader workers.
    cv2.setNumThreads(1)
    maps = made_up_maps(options.images, options.map_size, options.noise)
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        npz, packed, store_folder = folder / "npz", folder / "packed", folder / "labels.zarr"
        gzip, lzf, half = folder / "gzip.h5", folder / "lzf.h5", folder / "float16.zarr"
        formats = {
            "npz float32": (npz, partial(write_npz, npz, maps, np.savez), partial(read_npz, npz)),
            "npz compressed": (
                packed,
                partial(write_npz, packed, maps, np.savez_compressed),
                partial(read_npz, packed),
            ),
            "HDF5 gzip": (gzip, partial(write_hdf5, gzip, maps, "gzip"), partial(read_hdf5, gzip)),
            "HDF5 lzf": (lzf, partial(write_hdf5, lzf, maps, "lzf"), partial(read_hdf5, lzf)),
            "zarr float16": (half, partial(write_zarr, half, maps), ZarrMaps(half)),
        }
        rows = {name: (place, times(write), read) for name, (place, write, read) in formats.items()}
        written = times(lambda: write_store(store_folder, maps, options.shard_length))
        rows["store, with persons"] = store_folder, written, StoredMaps(store_folder, persons=True)
        rows["store, heatmaps only"] = store_folder, written, StoredMaps(store_folder, persons=False)
        store = SoftLabelStore.open(store_folder)

        error = max(np.abs(store.read(i).heatmap - maps[i]).max() for i in range(len(maps)))
        readers = {name: read for name, (_, _, read) in rows.items()}
        alone, together = (reading_rates(readers, len(maps), options.repeats, workers) for workers in (1, 2))

        print(
            f"{platform.processor() or platform.machine()}, {len(maps)} images, {KEYPOINTS} x {maps.shape[2]}^2 cells"
        )
        titles = "kB/image", "writes/s", "reads/s", "relative", "2 workers", "relative", "write ms", "read ms"
        print(" " * 22 + "".join(f"{title:>10s}" for title in titles))
        for name, (place, (clock, processor), _) in rows.items():
            (rate, used), (both, _) = alone[name], together[name]
            relative, both_relative = (rates[name][0] / rates["npz float32"][0] for rates in (alone, together))
            print(
                f"{name:22s}{bytes_in(place) / len(maps) / 1000:10.1f}{len(maps) / clock:10.0f}"
                f"{rate:10.0f}{relative:10.2f}{both:10.0f}{both_relative:10.2f}"
                f"{1000 * processor / len(maps):10.2f}{1000 * used:10.2f}"
            )
        print(f"largest error of the decoded maps: {error:.4f} (floor {store.encoding.floor})")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
