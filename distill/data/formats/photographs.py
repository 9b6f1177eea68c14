"""Photographs that nobody annotated: a folder of them is a data set."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit, no_annotations
from distill.data.formats.registry import FORMATS, WHOLE
from distill.data.photographs import is_photograph, upright_size
from distill.data.reading.findings import Findings
from distill.data.reading.locate import photographs_in
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, Skeleton
from distill.system.errors import InputError

NOT_READ = frozenset({".heic", ".heif", ".avif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".svg"})
"Endings, in lower case, of pictures that are left out and told."
_ANNOTATIONS = ("*.json", "*.mat", "*.csv", "*.xml", "data.yaml", "annotations/*", "labels/*", "*/_annotations*")


@FORMATS.register("photographs")
class Photographs:
    """Pictures in a folder and the folders in it, taken where no other format finds annotations.

    Image ids are the names of the files where all are numbers without a repetition, as COCO's are; otherwise they
    count from 1 in the order of the paths. The content's SHA-256 is that of names and sizes.
    """

    layout = "photographs alone"
    is_last_resort = True

    def splits(self, root: Path) -> list[str]:
        """One, the whole, where there is a photograph and no file that may hold annotations."""
        return [WHOLE] if next(_any_photograph(root), None) and not _may_be_annotated(root) else []

    def sniffs(self, source: DataSource) -> bool:
        """Whether there are photographs, and nothing that may be their annotations."""
        if source.annotations is not None:
            return False
        if source.images is not None:
            return source.root is None
        return bool(self.splits(source.root))

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """All photographs that can be opened, without persons; `skeleton` by default COCO's 17 joints."""
        folder = source.images or _folder(source.root, source.split)
        findings = Findings(folder)
        files, sizes = _readable(folder, findings)
        if not files:
            raise InputError(f"{folder} holds no photographs; give a folder of JPEG, PNG or WebP files")
        if skeleton is None:
            findings.add("photographs without annotations have no joints of their own; they get coco_17", files[0])
        others = Counter(Path(name).suffix.lower() for _, name in _files(folder))
        for ending in sorted(NOT_READ & others.keys()):
            findings.add(
                f"pictures that are not read ({ending}) are left out; save them as JPEG", ending, others[ending]
            )
        findings.add("photographs in which nobody is annotated", files[0], len(files))
        ids = _ids(files)
        order = np.argsort(ids)
        listed = "\n".join(f"{file} {width} {height}" for file, (width, height) in zip(files, sizes, strict=True))
        joints = skeleton or COCO_17
        return AnnotatedSplit(
            skeleton=joints,
            image_ids=ids[order],
            sizes=np.array(sizes, dtype=np.int64)[order],
            folder=folder,
            files=np.array(files, dtype=str)[order],
            annotations=no_annotations(len(joints)),
            annotation_file=folder,
            sha256=hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest(),
            notes=findings.notes(),
        )


def _folder(root: Path, split: str) -> Path:
    """Where the photographs of a split are; the root where none is divided off."""
    candidates = (root / split, root / "images" / split)
    return next((folder for folder in candidates if split and next(_any_photograph(folder), None)), root)


def _readable(folder: Path, findings: Findings) -> tuple[list[str], list[tuple[int, int]]]:
    """Photographs, relative to the folder, whose headers can be read, and their upright sizes."""
    files, sizes = [], []
    for file in photographs_in(folder):
        try:
            sizes.append(upright_size(folder / file))
            files.append(file)
        except InputError:
            findings.add("photographs that cannot be opened are left out", file)
    return files, sizes


def _ids(files: list[str]) -> np.ndarray:
    """(N,) int64, as the class says."""
    stems = [Path(file).stem for file in files]
    if all(stem.isascii() and stem.isdecimal() and len(stem) < 19 for stem in stems):
        numbers = np.array([int(stem) for stem in stems], dtype=np.int64)
        if len(np.unique(numbers)) == len(files):
            return numbers
    return np.arange(1, len(files) + 1)


def _any_photograph(folder: Path) -> Iterator[Path]:
    return (place / name for place, name in _files(folder) if is_photograph(Path(name)))


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Folder and name of all files that are not hidden."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from ((Path(place), name) for name in files if not name.startswith("."))


def _may_be_annotated(root: Path) -> bool:
    return any(next(root.glob(pattern), None) is not None for pattern in _ANNOTATIONS)
