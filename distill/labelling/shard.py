"""A shard on its way into the store: which photographs a teacher sees together, and what it sees."""

from collections.abc import Callable, Iterator

import numpy as np

from cache.store import SoftLabelStore
from distill.labelling.labels import Labels

MOST_BESIDE = 1.2
"Canvas of a batch in parts of what the smallest of its photographs needs: more would be work for nothing."

Size = tuple[int, int]


def batches(ids: np.ndarray, canvas: Callable[[int], Size], batch_size: int, *, mixed: bool) -> Iterator[np.ndarray]:
    """Split ids into batches, in an order that depends on the ids and their canvases alone.

    Photographs of one canvas make full batches. What is left over shares batches with the left-overs of like
    canvases, portraits first, as far as `MOST_BESIDE` allows, if canvases may be mixed.

    Args:
        ids: (N,) of a shard.
        canvas: function from an id to width and height of what the teacher's network is given, pixels.
        batch_size: most photographs in a batch.
        mixed: whether a batch may hold several canvases.
    """
    alike: dict[Size, list[int]] = {}
    for image_id in ids.tolist():
        alike.setdefault(canvas(image_id), []).append(image_id)
    left_over: list[tuple[Size, list[int]]] = []
    for size, same in sorted(alike.items(), key=lambda item: (item[0][0] - item[0][1], item[0])):
        full = len(same) - len(same) % batch_size
        for start in range(0, full, batch_size):
            yield np.array(same[start : start + batch_size])
        left_over.append((size, same[full:]))
    yield from _joined(left_over, batch_size) if mixed else (np.array(some) for _, some in left_over if some)


def _joined(left_over: list[tuple[Size, list[int]]], batch_size: int) -> Iterator[np.ndarray]:
    batch: list[int] = []
    sizes: list[Size] = []
    for size, some in left_over:
        for image_id in some:
            if len(batch) == batch_size or not _fit([*sizes, size]):
                yield np.array(batch)
                batch, sizes = [], []
            batch.append(image_id)
            sizes.append(size)
    if batch:
        yield np.array(batch)


def _fit(sizes: list[Size]) -> bool:
    """Whether photographs of these canvases may share the one that holds all of them."""
    width, height = (max(sides) for sides in zip(*sizes, strict=True))
    return width * height <= MOST_BESIDE * min(w * h for w, h in sizes)


class ShardLabels:
    """The labels of one shard while they come in."""

    def __init__(self, store: SoftLabelStore, shard: int):
        self.store, self.shard = store, shard
        self.rows = {image_id: row for row, image_id in enumerate(store.shard_image_ids(shard).tolist())}
        shape = store.attributes["shape"]
        side = shape["map_size"]
        self.heatmaps = np.zeros((len(self.rows), shape["keypoints"], side, side), np.float32)
        self.found: list = [None] * len(self.rows)

    def add(self, ids: np.ndarray, labels: Labels):
        """Those of some of its photographs."""
        rows = [self.rows[image_id] for image_id in ids.tolist()]
        self.heatmaps[rows] = labels.heatmaps
        for row, *found in zip(rows, labels.persons, labels.scores, labels.peaks, strict=True):
            self.found[row] = found

    def write(self):
        """Into the store, once all are there; raises as the store does."""
        self.store.write_shard(self.shard, self.heatmaps, *zip(*self.found, strict=True))
