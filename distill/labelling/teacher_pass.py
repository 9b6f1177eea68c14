"""The teacher pass: what a teacher sees in every photograph of a split, written into a store shard by shard."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import groupby, islice, tee
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch

import distill
from cache.encoding import LinearEncoding
from cache.errors import StoreError
from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import evaluate
from distill.labelling.labels import Labeller, Labels
from distill.labelling.shard import ShardLabels, batches
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.system.errors import InputError
from distill.system.overlap import Behind, mapped
from teachers.contract import Teacher, TeacherMaps, TeacherPersons

EVALUATION = "evaluation.json"
GIVEN: dict[str, Callable[[KeypointSet, int], object]] = {
    "persons": KeypointSet.keypoints,
    "image_ids": lambda data, image_id: image_id,
    "boxes": KeypointSet.boxes,
}
"What a teacher may need to know of a photograph, by name: how the data tell it of an image id."
BATCH_SIZE, THREADS = 8, 2
"Photographs in a batch at most, and threads that decode them, where nobody says otherwise."
_BATCHES_AHEAD, _SHARDS_BEHIND = 2, 1


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
    persons: bool = True,
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
        persons: whether maps become persons; a store without them teaches nothing of who is who where nobody
            annotated.
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
        "persons": persons,
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

    A batch never crosses a shard and depends on the shard alone; see `distill.labelling.shard`. While the teacher
    looks at one batch, threads decode the next ones, make labels of those before, and write the shards.

    Args:
        teacher: called with photographs and what it needs, of `GIVEN`.
        grouping: how maps become persons.
        batch_size: most photographs in a batch.
        threads: photographs are decoded, and labels made, by so many threads each.

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
        self.labeller = Labeller(
            data.skeleton,
            grouping,
            store.attributes["shape"]["map_size"],
            store.encoding.floor,
            has_persons(store),
        )
        self.batch_size, self.threads = batch_size, threads
        self.labelled, self.empty = 0, 0
        "Photographs that `run` labelled, and those of them in which the teacher found nothing."
        self._canvas = getattr(teacher, "canvas", None)

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
        progress(self.labelled, total)
        with Behind(ShardLabels.write, depth=_SHARDS_BEHIND) as write, closing(self._labelled(missing)) as labelled:
            for shard, found in groupby(labelled, key=itemgetter(0)):
                labels = ShardLabels(self.store, shard)
                for _, ids, some in found:
                    labels.add(ids, some)
                    self.labelled += len(ids)
                    self.empty += sum(not len(peaks) for peaks in some.peaks)
                    progress(self.labelled, total)
                    if stop():
                        return False
                write(labels)
        return True

    def batches(self, shard: int) -> list[np.ndarray]:
        """Ids of the photographs that the teacher sees together, of a shard."""
        canvas = self._canvas or (lambda size: size)
        ids = self.store.shard_image_ids(shard)
        mixed = self._canvas is not None
        return list(batches(ids, lambda i: canvas(self.data.size(i)), self.batch_size, mixed=mixed))

    def label(self, ids: np.ndarray, photographs: Sequence[np.ndarray]) -> Labels:
        """What is stored of photographs that make a batch.

        Args:
            ids: (B,) image ids.
            photographs: of them, each (H, W, 3) uint8 RGB.
        """
        return self._labels_of(ids, self._seen(ids, photographs))

    def _labelled(self, missing: list[int]) -> Iterator[tuple[int, np.ndarray, Labels]]:
        """Shard, ids and labels of each batch, the teacher looking at the next one meanwhile."""

        def seen() -> Iterator[tuple[int, np.ndarray, TeacherMaps | TeacherPersons]]:
            for shard, ids, photographs in self._decoded(missing):
                yield shard, ids, self._seen(ids, photographs)

        def labels_of(batch: tuple) -> tuple[int, np.ndarray, Labels]:
            # The teacher has the cores: operations that share them between threads would wait for it, and it for them.
            torch.set_num_threads(1)
            shard, ids, answer = batch
            return shard, ids, self._labels_of(ids, answer)

        return mapped(labels_of, seen(), self.threads, self.threads)

    def _decoded(self, missing: list[int]) -> Iterator[tuple[int, np.ndarray, list[np.ndarray]]]:
        """Shard, ids and photographs of each batch, decoded ahead."""
        begun = (shard for shard in missing if not self.store.is_complete(shard))
        to_look_at, to_decode = tee((shard, ids) for shard in begun for ids in self.batches(shard))
        wanted = (image_id for _, ids in to_decode for image_id in ids.tolist())
        with closing(mapped(self.data.photograph, wanted, _BATCHES_AHEAD * self.batch_size, self.threads)) as decoded:
            for shard, ids in to_look_at:
                yield shard, ids, list(islice(decoded, len(ids)))

    def _seen(self, ids: np.ndarray, photographs: Sequence[np.ndarray]) -> TeacherMaps | TeacherPersons:
        needed = {name: [GIVEN[name](self.data, i) for i in ids.tolist()] for name in self.teacher.needs}
        return self.teacher(photographs if self._canvas else np.stack(photographs), **needed)

    def _labels_of(self, ids: np.ndarray, answer: TeacherMaps | TeacherPersons) -> Labels:
        return self.labeller(answer, [self.data.size(i) for i in ids.tolist()])


def has_persons(store: SoftLabelStore) -> bool:
    """Whether the persons of its teacher are in a store."""
    return store.attributes.get("persons", True)


def evaluate_store(store: SoftLabelStore, data: KeypointSet) -> dict[str, float | None]:
    """AP and AR of the cached persons against the annotations, also written into the store's folder.

    Raises:
        StoreError: the store is of other data, or incomplete.
    """
    if not has_persons(store):
        raise StoreError(f"{store.url} was made with persons false, so there is nobody to score")
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
