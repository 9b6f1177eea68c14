"""The sets that a run learns from: photographs, hard labels and soft labels."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet, open_data
from distill.data.mixing import MixedSamples, Mixture
from distill.data.packing import PackedPhotographs
from distill.data.teacher_maps import TeacherMaps, no_maps, read_maps
from distill.data.teacher_peaks import preload_peaks, read_peaks
from distill.data.teacher_persons import ScoredPersons, parted, preload_persons
from distill.data.training_samples import TrainingSamples
from distill.labelling.teacher_pass import has_persons, labelled_images, teaching_images
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError
from distill.training.config import LearningSource, TrainConfig, TrainDataConfig


@dataclass(frozen=True)
class LearningSet:
    """One set that a run learns from."""

    photographs: KeypointSet
    image_ids: np.ndarray
    "(N,) int64, those that it learns from."
    soft_labels: SoftLabelStore | None
    "None where there are none, or no loss asks for them."
    share: int
    "As in `LearningSource`."
    packed: PackedPhotographs | None
    "What its photographs are read from, where that is not their own files."
    read_peaks: Callable[[int], np.ndarray] | None
    "Function from an image id to the teacher's peaks, or None without a teacher."
    read_persons: ScoredPersons | None
    "Likewise to the teacher's persons."

    @property
    def is_annotated(self) -> bool:
        """Whether somebody annotated all photographs that it learns from."""
        return all(self.photographs.is_annotated(image_id) for image_id in self.image_ids.tolist())

    def identity(self) -> dict[str, Any]:
        """What must be the same in a run that goes on with this one, wherever photographs and labels lie."""
        kept = ("format_version", "teacher", "encoding", "shape")
        store = self.soft_labels
        return {
            "split": self.photographs.source.split,
            "share": self.share,
            "images": len(self.image_ids),
            "images_sha256": hashlib.sha256(np.ascontiguousarray(self.image_ids, "<i8").tobytes()).hexdigest(),
            "annotations": self.photographs.annotation_sha256,
            "labels": None if store is None else {name: store.attributes[name] for name in kept},
        }


@dataclass(frozen=True)
class LearningData:
    """All sets that a run learns from, of one skeleton."""

    sets: list[LearningSet]
    notes: list[str]
    "What was left out, a line each."

    @property
    def skeleton(self) -> Skeleton:
        """The joints of all."""
        return self.sets[0].photographs.skeleton

    def mixture(self, seed: int) -> Mixture:
        """The order in which samples come."""
        return Mixture([each.image_ids for each in self.sets], [each.share for each in self.sets], seed)

    def samples(self, config: TrainConfig) -> MixedSamples:
        """Samples of all sets, augmented."""
        has_maps = config.data.whole_maps and any(each.soft_labels for each in self.sets)
        return MixedSamples([_samples(each, config, _maps_of(each) if has_maps else None) for each in self.sets])

    def preloaded(
        self,
        config: TrainDataConfig,
        progress: Callable[[int, int], None] = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> "LearningData | None":
        """The same with the teacher's peaks, and its persons where these count, held in memory; None when stopped."""
        sets = list(self.sets)
        tasks = [
            (number, name, preload)
            for number, each in enumerate(sets)
            if each.soft_labels is not None
            for name, preload in (("read_peaks", preload_peaks), ("read_persons", preload_persons))
            if name == "read_peaks" or config.teacher_outlines or not each.is_annotated
        ]
        before, total = 0, sum(len(sets[number].image_ids) for number, *_ in tasks)
        for number, name, preload in tasks:

            def shown(done: int, _: int, before: int = before):
                progress(before + done, total)

            each = sets[number]
            held = preload(each.soft_labels, each.image_ids, workers=config.workers, progress=shown, stop=stop)
            if held is None:
                return None
            before += len(each.image_ids)
            sets[number] = replace(each, **{name: held})
        return replace(self, sets=sets)


def open_learning_data(config: TrainConfig) -> LearningData:
    """Photographs, hard labels and soft labels of all sets.

    Raises:
        InputError: the data cannot be read or hold nothing to learn from.
        StoreError: a store was made for other data, or is incomplete.
    """
    first = open_data(config.data, config.skeleton)
    opened = [first, *(KeypointSet(source, first.skeleton) for source in config.data.more)]
    sets, notes = [], []
    for source, photographs in zip(config.data.sets, opened, strict=True):
        learnt, skipped = _learning_set(source, photographs, config)
        sets.append(learnt)
        notes += [f"{photographs.annotation_file}: {line}" if config.data.more else line for line in skipped]
    return LearningData(sets, notes)


def _learning_set(source: LearningSource, data: KeypointSet, config: TrainConfig) -> tuple[LearningSet, list[str]]:
    """A set as it is learnt from, and what is left out of it."""
    has_teacher = config.loss.needs_soft_labels and source.soft_labels is not None
    ids = data.image_ids
    if config.data.persons_only:
        ids = teaching_images(data, by_teacher=has_teacher)
    ids = ids[: config.limit]
    if not len(ids):
        raise InputError(
            f"{data.annotation_file} has no photograph with a labelled person to learn from; label the photographs "
            "with distill-cache and name the store with soft_labels, or take annotated ones"
        )
    packed = None if source.packed is None else PackedPhotographs(source.packed, data)
    if not has_teacher:
        return LearningSet(data, ids, None, source.share, packed, None, None), []
    store = SoftLabelStore.open(source.soft_labels)
    labelled = labelled_images(store, data, ids, skip_unlabelled=config.data.skip_unlabelled)
    skipped = len(ids) - len(labelled)
    notes = [f"{skipped} of {len(ids)} photographs have no soft label and are skipped"] if skipped else []
    learnt = LearningSet(data, labelled, store, source.share, packed, partial(read_peaks, store), store.read_persons)
    if not has_persons(store) and (config.data.teacher_outlines or not learnt.is_annotated):
        asked = (
            "data.teacher_outlines asks for them"
            if learnt.is_annotated
            else f"nobody annotated some photographs of {data.annotation_file}"
        )
        raise InputError(f"{store.url} was made with persons false, but {asked}; build it with persons true")
    return learnt, notes


def _maps_of(learnt: LearningSet) -> Callable[[int], TeacherMaps]:
    """Function from an image id to the teacher's whole maps, empty ones in a set without a teacher."""
    if learnt.soft_labels is None:
        return partial(no_maps, len(learnt.photographs.skeleton))
    return partial(read_maps, learnt.soft_labels)


def _samples(learnt: LearningSet, config: TrainConfig, maps_of: Callable[[int], TeacherMaps] | None) -> TrainingSamples:
    return TrainingSamples(
        learnt.photographs,
        config.input_size,
        config.augment,
        config.seed,
        learnt.read_peaks,
        None if learnt.read_persons is None else parted(learnt.read_persons, config.data.sure_score),
        learnt.image_ids,
        config.data.keep_in_memory,
        learnt.packed,
        maps_of,
        config.data.teacher_outlines,
    )
