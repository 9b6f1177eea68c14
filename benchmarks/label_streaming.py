"""Labels a second from slow storage: random reads against an epoch streamed in shard order.

    python benchmarks/label_streaming.py --images 512 --latency 0.01 --bandwidth 100

The store lies on a file system that answers every read after a latency, and then at a bandwidth, as a
network file system or object storage does. Both ways give decoded float32 maps and persons, in one process.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from cache.reader import LabelReader
from cache.store import SoftLabelStore

KEYPOINTS, MAP_SIZE = 17, 160


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
    """Made-up labels: three persons' Gaussians an image."""
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
    cells = np.arange(MAP_SIZE) + 0.5
    for shard in range(store.num_shards):
        rng = np.random.default_rng(shard)
        count = len(store.shard_image_ids(shard))
        x, y = rng.uniform(0, MAP_SIZE, (2, count, KEYPOINTS, 3, 1))
        across, down = (np.exp(-((cells - centre) ** 2) / (2 * 1.5**2)) for centre in (x, y))
        heatmaps = np.einsum("nkpy,nkpx->nkyx", down, across).clip(0, 1)
        heatmaps = np.maximum(heatmaps, rng.random(heatmaps.shape) * 0.03)
        store.write_shard(shard, heatmaps, [rng.random((3, KEYPOINTS, 3))] * count, [np.ones(3)] * count)


def rate(labels: Iterable) -> tuple[float, float]:
    """Labels a second, and requests a label."""
    ThrottledFileSystem.reads = 0
    start = time.perf_counter()
    count = sum(1 for _ in labels)
    return count / (time.perf_counter() - start), ThrottledFileSystem.reads / count


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
        stores = {"throttled": f"throttled://{path}", "warm disk": str(path)}
        print(
            f"{options.images} labels of {size / options.images / 1000:.1f} kB, {options.shard_length} a shard, "
            f"{1000 * options.latency:g} ms latency, {options.bandwidth:g} MB/s"
        )
        print(f"{'':12s}{'way':10s}{'labels/s':>10s}{'requests/label':>16s}{'ratio':>8s}")
        for name, url in stores.items():
            store = SoftLabelStore.open(url)
            random_rate, requests = rate(map(store.read, order))
            print(f"{name:12s}{'random':10s}{random_rate:10.0f}{requests:16.2f}{1:8.2f}")
            reader = LabelReader(SoftLabelStore.open(url), buffer=options.buffer)
            streamed, requests = rate(reader.epoch(0))
            print(f"{'':12s}{'streamed':10s}{streamed:10.0f}{requests:16.2f}{streamed / random_rate:8.2f}")


if __name__ == "__main__":
    main()
