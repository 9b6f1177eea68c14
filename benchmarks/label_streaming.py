"""Labels a second from slow storage: random reads against an epoch read in shard order.

    python benchmarks/label_streaming.py --images 512 --latency 0.01 --bandwidth 100

The store lies on a file system that answers every read after a latency, and then at a bandwidth, as a
network file system or object storage does. All is done in one process. First decoded float32 maps and persons: each
read at random, or streamed through a shuffle buffer. Then what a training keeps of them, the peaks of the maps: each
read at random, as it does by default in every epoch, or all preloaded (data.preload_labels), as it does once.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem
from label_store import made_up_maps, made_up_peaks

from cache.reader import LabelReader
from cache.store import SoftLabelStore
from distill.data.teacher_peaks import preload_peaks, read_peaks

KEYPOINTS, MAP_SIZE, NOISE = 17, 128, 0.006


class ThrottledFileSystem(LocalFileSystem):
    """The local file system behind a wire."""

    protocol = "throttled"
    latency, bandwidth = 0.0, float("inf")
    reads = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(str(path).removeprefix("throttled://"))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_) -> bytes:
        """The content of a file, or a range of it, after the time that it takes."""
        content = super().cat_file(path, start, end)
        self._wait(len(content))
        return content

    def info(self, path: str, **kwargs) -> dict:
        """What a stat gives, after the latency."""
        self._wait(0)
        return super().info(path, **kwargs)

    @classmethod
    def _wait(cls, size: int):
        cls.reads += 1
        time.sleep(cls.latency + size / cls.bandwidth)


def write_store(path: Path, images: int, shard_length: int):
    """Made-up labels, with three persons an image."""
    store = SoftLabelStore.create(
        path,
        image_ids=np.arange(images),
        image_sizes=np.full((images, 2), 4 * MAP_SIZE),
        to_map=np.tile([[0.25, 0, 0], [0, 0.25, 0]], (images, 1, 1)),
        num_keypoints=KEYPOINTS,
        map_size=MAP_SIZE,
        shard_length=shard_length,
        attributes={},
    )
    for shard in range(store.num_shards):
        count = len(store.shard_image_ids(shard))
        persons = np.random.default_rng(shard).random((3, KEYPOINTS, 3))
        heatmaps = made_up_maps(count, MAP_SIZE, NOISE, seed=shard)
        peaks = made_up_peaks(count, 4 * MAP_SIZE, seed=shard)
        store.write_shard(shard, heatmaps, [persons] * count, [np.ones(3)] * count, peaks)


def measure(labels: Callable[[SoftLabelStore], Iterable], store: SoftLabelStore) -> tuple[float, float, float]:
    """Labels a second, and requests and processor seconds a label, of a way to take all labels from a store."""
    ThrottledFileSystem.reads = 0
    start, used = time.perf_counter(), time.process_time()
    count = sum(1 for _ in labels(store))
    seconds, used = time.perf_counter() - start, time.process_time() - used
    return count / seconds, ThrottledFileSystem.reads / count, used / count


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=512, help="labels in the store (default 512)")
    parser.add_argument("--shard-length", type=int, default=64, help="labels a shard (default 64)")
    parser.add_argument("--latency", type=float, default=0.01, help="seconds until a read is answered (default 0.01)")
    parser.add_argument("--bandwidth", type=float, default=100, help="MB/s of one read (default 100)")
    parser.add_argument("--buffer", type=int, default=256, help="labels that wait to be drawn (default 256)")
    options = parser.parse_args()
    fsspec.register_implementation("throttled", ThrottledFileSystem)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.zarr"
        write_store(path, options.images, options.shard_length)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        ThrottledFileSystem.latency, ThrottledFileSystem.bandwidth = options.latency, options.bandwidth * 1e6
        order = np.random.default_rng(0).permutation(options.images).tolist()
        ways = {
            "maps, random": lambda store: map(store.read, order),
            "maps, streamed": lambda store: LabelReader(store, buffer=options.buffer).epoch(0),
            "peaks, random": lambda store: (read_peaks(store, image_id) for image_id in order),
            "peaks, preloaded": lambda store: map(preload_peaks(store, np.array(order)), order),
        }
        stores = {"throttled": f"throttled://{path}", "warm disk": str(path)}
        print(
            f"{options.images} labels of {size / options.images / 1000:.1f} kB, {options.shard_length} a shard, "
            f"{1000 * options.latency:g} ms latency, {options.bandwidth:g} MB/s"
        )
        print(f"{'':12s}{'way':20s}{'labels/s':>10s}{'ratio':>8s}{'requests/label':>16s}{'processor ms/label':>20s}")
        for name, url in stores.items():
            for way, labels in ways.items():
                rate, requests, used = measure(labels, SoftLabelStore.open(url))
                if way.endswith("random"):
                    baseline = rate
                print(f"{name:12s}{way:20s}{rate:10.0f}{rate / baseline:8.2f}{requests:16.2f}{1000 * used:20.2f}")


if __name__ == "__main__":
    main()
