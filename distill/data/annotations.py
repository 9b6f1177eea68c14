"""The one form in memory of an annotated split, whatever kind of data set it was read from."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError


class PackedValues(Sequence):
    """JSON values in one string of bytes.

    All loader workers share what is packed here. A Python object is copied into each worker that looks at it, for
    its count of references changes: those of train2017 would in time take a gigabyte in every worker.
    """

    def __init__(self, values: Iterable[object]):
        packed, ends = bytearray(), [0]
        for value in values:
            packed += json.dumps(value).encode()
            ends.append(len(packed))
        self._packed, self._ends = np.frombuffer(bytes(packed), dtype=np.uint8), np.array(ends)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> object:
        number = range(len(self))[number]
        return json.loads(self._packed[self._ends[number] : self._ends[number + 1]].tobytes())

    def arrays(self) -> dict[str, np.ndarray]:
        """All that it holds, by name; `from_arrays` takes it."""
        return {"packed": self._packed, "ends": self._ends}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "PackedValues":
        """The values that `arrays` gave."""
        values = cls([])
        values._packed, values._ends = arrays["packed"], arrays["ends"]
        return values


@dataclass(frozen=True)
class Annotations:
    """The annotated persons of a split, crowds included, in the order of their images."""

    ids: np.ndarray
    "(N,) int64, as results and messages name them."
    image_ids: np.ndarray
    "(N,) int64, ascending."
    boxes: np.ndarray
    "(N, 4) float64 x, y, width, height, photograph pixels."
    keypoints: np.ndarray
    "(N, K, 3) float32 x, y in continuous photograph pixels, visibility: 0 unlabelled, 1 hidden, 2 visible."
    is_crowd: np.ndarray
    "(N,) bool, whether it stands for several people."
    areas: np.ndarray
    "(N,) float64 visible area, square pixels; OKS is relative to it."
    outlines: Sequence
    "(N,) COCO's polygons or run-lengths, None where unknown; see `distill.data.reading.outlines`."

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def labelled(self) -> np.ndarray:
        """(N,) bool: whether it is one person with at least one labelled joint."""
        return ~self.is_crowd & (self.keypoints[..., 2] > 0).any(axis=1)

    def of(self, image_id: int) -> slice:
        """Those of one image."""
        return slice(*self.image_ids.searchsorted((image_id, image_id + 1)).tolist())


def no_annotations(joints: int) -> Annotations:
    """Those of photographs that nobody annotated, of so many joints."""
    return Annotations(
        ids=np.zeros(0, dtype=np.int64),
        image_ids=np.zeros(0, dtype=np.int64),
        boxes=np.zeros((0, 4)),
        keypoints=np.zeros((0, joints, 3), dtype=np.float32),
        is_crowd=np.zeros(0, dtype=bool),
        areas=np.zeros(0),
        outlines=(),
    )


@dataclass(frozen=True)
class AnnotatedSplit:
    """One split of a data set as every format gives it.

    Raises:
        InputError: ids, sizes or annotations cannot be what they stand for.
    """

    skeleton: Skeleton
    "Of the K joints of each person."
    image_ids: np.ndarray
    "(M,) int64, ascending, each once."
    sizes: np.ndarray
    "(M, 2) int64 width, height, pixels."
    folder: Path
    "Where the photographs lie."
    files: np.ndarray
    "(M,) text, file of each photograph relative to the folder."
    annotations: Annotations
    "Of these images alone."
    annotation_file: Path
    "What messages name: the file of the annotations, or the folder of many."
    sha256: str
    "Of the content of the annotations, hexadecimal."
    category: int = 1
    "Category id of a person, which results are written with."
    name: str = ""
    "Of the split; empty where the set has none."
    categories: Mapping[str, int] = field(default_factory=dict)
    "How many annotations of each category the file has, those of persons and others; empty where there are no others."
    notes: tuple[str, ...] = field(default=())
    "What was left out or repaired, a line each."
    is_annotated: np.ndarray | None = None
    "(M,) bool: photographs whose people are annotated at all; by default all of them, or none without annotations."
    annotates: np.ndarray | None = None
    "(M, K) bool: joints that are annotated in each photograph; by default those that somebody in the split has."

    def __post_init__(self):
        if not len(self.image_ids):
            raise InputError(f"{self.annotation_file} lists no images")
        self._check_images()
        self._check_annotations()
        if self.is_annotated is None:
            anybody = bool(len(self.annotations))
            object.__setattr__(self, "is_annotated", np.full(len(self.image_ids), anybody))
        if self.annotates is None:
            somewhere = (self.annotations.keypoints[self.annotations.labelled][..., 2] > 0).any(axis=0)
            object.__setattr__(self, "annotates", np.tile(somewhere, (len(self.image_ids), 1)))

    def _check_images(self):
        if (np.diff(self.image_ids) < 0).any():
            raise ValueError("images must come by ascending id")
        if (repeated := self.image_ids[1:][np.diff(self.image_ids) == 0]).size:
            raise InputError(f"{self.annotation_file} lists two images with id {repeated[0]}; give each its own")
        if len(wrong := np.flatnonzero((self.sizes < 1).any(axis=1))):
            width, height = self.sizes[wrong[0]]
            raise InputError(
                f"{self.annotation_file}: image {self.image_ids[wrong[0]]} has a size of {width} x {height} pixels; "
                "write the photograph's own width and height"
            )

    def _check_annotations(self):
        annotations = self.annotations
        shape = (len(annotations), len(self.skeleton), 3)
        lengths = {name: len(values) for name, values in vars(annotations).items() if name != "labelled"}
        if annotations.keypoints.shape != shape or len(set(lengths.values())) > 1:
            raise ValueError(f"annotations of {shape} expected, not {annotations.keypoints.shape} with {lengths}")
        if (np.diff(annotations.image_ids) < 0).any():
            raise ValueError("annotations must come in the order of their images")
        if len(lost := np.setdiff1d(annotations.image_ids, self.image_ids)):
            raise InputError(f"{self.annotation_file}: an annotation belongs to image {lost[0]}, which is not listed")
        checked = {"keypoints": annotations.keypoints, "box": annotations.boxes, "area": annotations.areas}
        for name, values in checked.items():
            finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
            if len(wrong := np.flatnonzero(~finite)):
                raise InputError(
                    f"{self.annotation_file}: annotation {annotations.ids[wrong[0]]} has something else than finite "
                    f"numbers in its {name}; correct it or remove it ({len(wrong)} of them)"
                )
