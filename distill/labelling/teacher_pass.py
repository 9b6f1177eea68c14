"""The teacher pass: what a teacher sees in every photograph of a split, written into a store shard by shard."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np

import distill
from cache.encoding import LinearEncoding
from cache.errors import StoreError
from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import evaluate
from distill.labelling.labels import Labeller, Labels
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.system.errors import InputError
from distill.system.overlap import mapped
from teachers.contract import Teacher

EVALUATION = "evaluation.json"
GIVEN: dict[str, Callable[[KeypointSet, int], object]] = {
    "persons": KeypointSet.keypoints,
    "image_ids": lambda data, image_id: image_id,
    "boxes": KeypointSet.boxes,
}
"What a teacher may need to know of a photograph, by name: how the data tell it of an image id."
BATCH_SIZE, THREADS = 8, 2
"Photographs in a batch at most, and threads that decode them, where nobody says otherwise."
_BATCHES_AHEAD = 2


def create_store(
    url: str | Path,
    data: KeypointSet,
    teacher: dict,
    grouping: GroupingConfig,
    *,
    map_size: int,
    shard_length: int,
    noise_floor: float,
    limit: int | None = None,
    persons_only: bool = False,
    configuration: dict | None = None,
) -> SoftLabelStore:
    """Make the store of a split, or open the one that was made the same way.

    Args:
        teacher: what makes this teacher's labels what they are, as JSON values.
        map_size: side of the stored maps, cells; the photograph's long side fills it.
        shard_length: images a shard.
        noise_floor: heatmap values below it are stored as 0, and peaks of cells at or below it not at all.
        limit: label only so many photographs, those of lowest id.
        persons_only: leave out photographs that are annotated and show nobody with a labelled joint.
        configuration: everything the command was given, for the record.

    Raises:
        StoreError: the place is taken by a store of another kind, or cannot be written.
    """
    ids = images_to_label(data, persons_only)[:limit]
    if not len(ids):
        raise InputError(f"{data.annotation_file} shows nobody with a labelled joint; leave persons_only out")
    sizes = np.array([data.size(i) for i in ids])
    attributes = {
        "teacher": teacher | {"grouping": asdict(grouping)},
        "skeleton": data.skeleton.name,
        "joints": data.skeleton.joints,
        "skeleton_definition": data.skeleton.plain(),
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
        encoding=LinearEncoding(noise_floor),
        attributes=attributes,
    )


def images_to_label(data: KeypointSet, persons_only: bool) -> np.ndarray:
    """(N,) ids of all photographs, or of those from which something can be learnt."""
    if not persons_only:
        return data.image_ids
    return teaching_images(data)


def teaching_images(data: KeypointSet, *, by_teacher: bool = True) -> np.ndarray:
    """(N,) ids of the photographs with a labelled person, and of those that nobody annotated if a teacher may.

    Args:
        by_teacher: whether there is a teacher, who may see somebody where nobody annotated.
    """
    labelled = set(data.annotations.image_ids[data.annotations.labelled].tolist())
    ids = [i for i in data.image_ids.tolist() if i in labelled or (by_teacher and not data.is_annotated(i))]
    return np.array(ids, dtype=np.int64)


class TeacherPass:
    """Fills the missing shards of a store.

    Photographs of one size make a batch; a batch never crosses a shard and depends on the shard alone.
    Decoding of the next photographs overlaps with the teacher's work.

    Args:
        teacher: called with photographs (B, H, W, 3) and what it needs, of `GIVEN`.
        grouping: how maps become persons.
        batch_size: most photographs in a batch.
        threads: photographs are decoded by so many threads.

    Raises:
        InputError: the teacher needs something else.
    """

    def __init__(
        self,
        store: SoftLabelStore,
        data: KeypointSet,
        teacher: Teacher,
        grouping: GroupingConfig,
        *,
        batch_size: int = BATCH_SIZE,
        threads: int = THREADS,
    ):
        if unknown := [name for name in teacher.needs if name not in GIVEN]:
            raise InputError(f"the teacher needs {unknown[0]}, but what can be given is {', '.join(GIVEN)}")
        self.store, self.data, self.teacher = store, data, teacher
        self.labeller = Labeller(data.skeleton, grouping, store.attributes["shape"]["map_size"], store.encoding.floor)
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
                labels.add(ids, self.label(ids, photographs))
                done += len(ids)
                progress(done, total)
                if stop():
                    return False
            labels.write()
        return True

    def label(self, ids: np.ndarray, photographs: np.ndarray) -> Labels:
        """What is stored of photographs.

        Args:
            ids: (B,) image ids.
            photographs: (B, H, W, 3) uint8 RGB.
        """
        needed = {name: [GIVEN[name](self.data, i) for i in ids.tolist()] for name in self.teacher.needs}
        height, width = photographs.shape[1:3]
        return self.labeller(self.teacher(photographs, **needed), (width, height))

    def _loaded(self, shards: list[int]) -> Iterator[tuple[int, Iterator[tuple[np.ndarray, np.ndarray]]]]:
        """Each shard that is still missing, with its batches of ids and photographs, decoded ahead."""
        for shard in shards:
            if not self.store.is_complete(shard):
                ids = self.store.shard_image_ids(shard)
                yield shard, self._load(list(equal_size_batches(ids, self.data.size, self.batch_size)))

    def _load(self, batches: list[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        ids = np.concatenate(batches).tolist()
        photographs = mapped(self.data.photograph, ids, _BATCHES_AHEAD * self.batch_size, self.threads)
        for batch in batches:
            yield batch, np.stack(list(islice(photographs, len(batch))))


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
        self.found: list = [None] * len(self.rows)

    def add(self, ids: np.ndarray, labels: Labels):
        rows = [self.rows[image_id] for image_id in ids.tolist()]
        self.heatmaps[rows] = labels.heatmaps
        for row, *found in zip(rows, labels.persons, labels.scores, labels.peaks, strict=True):
            self.found[row] = found

    def write(self):
        self.store.write_shard(self.shard, self.heatmaps, *zip(*self.found, strict=True))
