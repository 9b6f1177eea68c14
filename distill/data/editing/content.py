"""A split that is to be written: what is known of it, and where its photographs are."""

import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit, Annotations
from distill.data.reading.outlines import PackedOutlines
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

COPY, LINK = "copy", "link"


@dataclass(frozen=True)
class Content:
    """One split, in memory."""

    split: AnnotatedSplit
    "Its `files` are what the photographs are called where they are written, relative to their folder."
    photographs: Sequence[Path]
    "(M,) where they are now."

    @classmethod
    def of(cls, split: AnnotatedSplit) -> "Content":
        """A split as it was read."""
        return cls(split, [split.folder / str(file) for file in split.files])

    def with_skeleton(self, skeleton: Skeleton) -> "Content":
        """The same under other names of the joints."""
        return replace(self, split=replace(self.split, skeleton=skeleton))

    def chosen(self, rows: np.ndarray, name: str) -> "Content":
        """Some of its photographs, with their annotations.

        Args:
            rows: (R,) ascending places of the photographs.
            name: of the new split.
        """
        split = self.split
        ids = split.image_ids[rows]
        part = replace(
            split,
            name=name,
            image_ids=ids,
            sizes=split.sizes[rows],
            files=split.files[rows],
            annotations=annotations_at(split.annotations, np.flatnonzero(np.isin(split.annotations.image_ids, ids))),
            is_annotated=split.is_annotated[rows],
            annotates=split.annotates[rows],
        )
        return Content(part, [self.photographs[row] for row in rows.tolist()])


def annotations_at(annotations: Annotations, rows: np.ndarray) -> Annotations:
    """Those in some places, in the order of these."""
    arrays = {name: values[rows] for name, values in vars(annotations).items() if isinstance(values, np.ndarray)}
    arrays.pop("labelled", None)
    return Annotations(**arrays, outlines=PackedOutlines([annotations.outlines[row] for row in rows.tolist()]))


def place(photograph: Path, target: Path, how: str):
    """Put a photograph where it is written: a copy, or a hard link where the file system allows one.

    Raises:
        OSError: there is no space, or the place is taken; it names the target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if how == LINK:
        try:
            os.link(photograph.resolve(), target)
            return
        except OSError:
            pass
    try:
        shutil.copyfile(photograph, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


@contextmanager
def new_set(folder: Path) -> Iterator[Path]:
    """Context that gives the folder to write a set into, which gets its name when all is written.

    After an error nothing is left; after a kill a hidden folder beside it, which is never taken for the set.

    Raises:
        InputError: there is something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already; name a new folder, or remove it")
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.unfinished")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        try:
            unfinished.rename(folder)
        except OSError:
            raise InputError(f"{folder} was made by somebody else meanwhile; name a new folder") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
