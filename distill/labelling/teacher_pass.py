"""The teacher pass: what a teacher sees in every photograph of a split, written into a store shard by shard."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

import distill
from cache.encoding import LinearEncoding
from cache.errors import StoreError
from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import evaluate
from distill.labelling.resample import photograph_box, resample
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig, group
from teachers.inference import Teacher, TeacherMaps

EVALUATION = "evaluation.json"
_BATCHES_AHEAD = 2


def create_store(
    url: str | Path,
    data: KeypointSet,
    teacher: dict,
    grouping: GroupingConfig,
    *,
    map_size: int,
    shard_length: int,
    floor: float,
    limit: int | None = None,
    configuration: dict | None = None,
) -> SoftLabelStore:
    """Make the store of a split, or open the one that was made the same way.

    Args:
        teacher: what makes this teacher's labels what they are, as JSON values.
        map_size: side of the stored maps, cells; the photograph's long side fills it.
        shard_length: images a shard.
        floor: heatmap values below it are stored as 0.
        limit: label only so many photographs, those of lowest id.
        configuration: everything the command was given, for the record.

    Raises:
        StoreError: the place is taken by a store of another kind, or cannot be written.
    """
    ids = data.image_ids[:limit]
    sizes = np.array([data.size(i) for i in ids])
    attributes = {
        "teacher": teacher | {"grouping": asdict(grouping)},
        "skeleton": data.skeleton.name,
        "joints": data.skeleton.joints,
        "split": data.split,
        "annotation_sha256": data.annotation_sha256,
        "tool_version": distill.__version__,
        "configuration": configuration or {},
    }
    return SoftLabelStore.create(
        url,
        image_ids=ids,
        image_sizes=sizes,
        to_map=np.stack([geometry.letterbox(tuple(size), (map_size, map_size)) for size in sizes.tolist()]),
        num_keypoints=len(data.skeleton),
        map_size=map_size,
        max_persons=grouping.max_persons,
        shard_length=shard_length,
        encoding=LinearEncoding(floor),
        attributes=attributes,
    )


class TeacherPass:
    """Fills the missing shards of a store.

    Photographs of one size make a batch; a batch never crosses a shard and depends on the shard alone.
    Decoding of the next photographs overlaps with the teacher's work.

    Args:
        teacher: called with photographs (B, H, W, 3) and the annotated persons, which only an oracle reads.
        grouping: how maps become persons.
        batch_size: most photographs in a batch.
        threads: photographs are decoded by so many threads.
    """

    def __init__(
        self,
        store: SoftLabelStore,
        data: KeypointSet,
        teacher: Teacher,
        grouping: GroupingConfig,
        *,
        batch_size: int = 8,
        threads: int = 2,
    ):
        self.store, self.data, self.teacher, self.grouping = store, data, teacher, grouping
        self.batch_size, self.threads = batch_size, threads

    def run(
        self,
        progress: Callable[[int, int], None] = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
        shards: Sequence[int] | None = None,
    ) -> bool:
        """Write the missing shards; returns whether it came to their end.

        Args:
            progress: called with photographs labelled in this run and to be labelled.
            stop: asked after each batch; the shard begun is then dropped.
            shards: those to look after, by default all.

        Raises:
            InputError: a photograph cannot be read.
            StoreError: a shard cannot be written.
        """
        missing = self.store.missing_shards(shards)
        total = sum(len(self.store.shard_image_ids(shard)) for shard in missing)
        done = 0
        progress(done, total)
        for shard, batches in self._loaded(missing):
            labels = _ShardLabels(self.store, shard)
            for ids, photographs in batches:
                labels.add(ids, *self.label(ids, photographs))
                done += len(ids)
                progress(done, total)
                if stop():
                    return False
            labels.write()
        return True

    @torch.inference_mode()
    def label(self, ids: np.ndarray, photographs: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """Stored heatmaps (B, K, S, S), 0..1, and for each photograph its persons, in its pixels, and scores.

        Args:
            ids: (B,) image ids.
            photographs: (B, H, W, 3) uint8 RGB.
        """
        maps = self.teacher(photographs, [self.data.keypoints(i) for i in ids.tolist()])
        height, width = photographs.shape[1:3]
        return self._stored_maps(maps, (width, height)), self._persons(maps)

    def _stored_maps(self, maps: TeacherMaps, photograph: tuple[int, int]) -> np.ndarray:
        side = self.store.attributes["shape"]["map_size"]
        to_map = geometry.letterbox(photograph, (side, side))
        matrix = geometry.compose(geometry.invert(maps.to_map), to_map)
        box = photograph_box(photograph, to_map)
        return resample(maps.heatmaps.float(), matrix, (side, side), box).cpu().numpy()

    def _persons(self, maps: TeacherMaps) -> list[tuple[np.ndarray, np.ndarray]]:
        found = [
            group(heatmaps, tags, self.data.skeleton, self.grouping)
            for heatmaps, tags in zip(maps.heatmaps, maps.tags, strict=True)
        ]
        to_photograph = geometry.invert(maps.to_map)
        return [(_moved(persons.numpy(), to_photograph), scores.numpy()) for persons, scores in found]

    def _loaded(self, shards: list[int]) -> Iterator[tuple[int, Iterator[tuple[np.ndarray, np.ndarray]]]]:
        """Each shard that is still missing, with its batches of ids and photographs, decoded ahead."""
        with ThreadPoolExecutor(self.threads) as pool:
            for shard in shards:
                if not self.store.is_complete(shard):
                    batches = equal_size_batches(self.store.shard_image_ids(shard), self.data.size, self.batch_size)
                    yield shard, self._load(pool, batches)

    def _load(self, pool: ThreadPoolExecutor, batches: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        waiting = deque()
        for ids in batches:
            waiting.append((ids, [pool.submit(self.data.photograph, i) for i in ids.tolist()]))
            if len(waiting) > _BATCHES_AHEAD:
                yield _gathered(*waiting.popleft())
        while waiting:
            yield _gathered(*waiting.popleft())


def equal_size_batches(
    ids: np.ndarray, size: Callable[[int], tuple[int, int]], batch_size: int
) -> Iterator[np.ndarray]:
    """Split ids into batches of photographs of one size, in an order that depends on the ids alone."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for image_id in ids.tolist():
        by_size.setdefault(size(image_id), []).append(image_id)
    for same in by_size.values():
        for start in range(0, len(same), batch_size):
            yield np.array(same[start : start + batch_size])


def evaluate_store(store: SoftLabelStore, data: KeypointSet) -> dict[str, float | None]:
    """AP and AR of the cached persons against the annotations, also written into the store's folder.

    Raises:
        StoreError: the store is of other data, or incomplete.
    """
    check_store(store, data)
    predictions = {i: store.read_persons(i) for i in store.image_ids.tolist()}
    metrics = evaluate(predictions, data, list(predictions))
    store.files.put(EVALUATION, json.dumps(metrics, indent=1).encode())
    return metrics


def check_store(
    store: SoftLabelStore, data: KeypointSet, image_ids: np.ndarray | None = None, *, complete: bool = True
):
    """Refuse a store that was not made for these annotations, or is not complete.

    Args:
        image_ids: images that must be in it.
        complete: refuse a store of which shards are missing.

    Raises:
        StoreError: names the field, what was found and what was expected.
    """
    store.check(
        image_ids,
        complete=complete,
        split=data.split,
        annotation_sha256=data.annotation_sha256,
        skeleton=data.skeleton.name,
        joints=data.skeleton.joints,
    )


def labelled_images(
    store: SoftLabelStore, data: KeypointSet, image_ids: np.ndarray, *, skip_unlabelled: bool = False
) -> np.ndarray:
    """Those of the images, in their order, that can be learnt from.

    Args:
        image_ids: (N,) images of the data.
        skip_unlabelled: leave out those without a label, instead of refusing the store.

    Raises:
        StoreError: the store was made for other data, lacks an image that may not be left out, or has none.
    """
    if not skip_unlabelled:
        check_store(store, data, image_ids)
        return image_ids
    check_store(store, data, complete=False)
    labelled = image_ids[np.isin(image_ids, store.labelled_ids())]
    if not len(labelled):
        raise StoreError(f"{store.url}: none of the {len(image_ids)} images has a label; run `distill-cache build`")
    return labelled


class _ShardLabels:
    """The labels of one shard while they come in."""

    def __init__(self, store: SoftLabelStore, shard: int):
        self.store, self.shard = store, shard
        self.rows = {image_id: row for row, image_id in enumerate(store.shard_image_ids(shard).tolist())}
        shape = store.attributes["shape"]
        side = shape["map_size"]
        self.heatmaps = np.zeros((len(self.rows), shape["keypoints"], side, side), np.float32)
        self.persons: list = [None] * len(self.rows)

    def add(self, ids: np.ndarray, heatmaps: np.ndarray, persons: list[tuple[np.ndarray, np.ndarray]]):
        rows = [self.rows[image_id] for image_id in ids.tolist()]
        self.heatmaps[rows] = heatmaps
        for row, found in zip(rows, persons, strict=True):
            self.persons[row] = found

    def write(self):
        persons, scores = zip(*self.persons, strict=True)
        self.store.write_shard(self.shard, self.heatmaps, persons, scores)


def _moved(persons: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3) moved by a matrix; joints of score 0, which were not found, stay zero."""
    points = geometry.transform(matrix, persons[..., :2])
    return np.concatenate([points, persons[..., 2:]], axis=-1) * (persons[..., 2:] > 0)


def _gathered(ids: np.ndarray, photographs: list) -> tuple[np.ndarray, np.ndarray]:
    return ids, np.stack([future.result() for future in photographs])
