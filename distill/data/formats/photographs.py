"""Photographs that nobody annotated: a folder of them is a data set."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit, no_annotations
from distill.data.formats.registry import FORMATS, WHOLE
from distill.data.photographs import is_photograph
from distill.data.reading.findings import NOBODY, Findings
from distill.data.reading.locate import image_ids_of, photographs_in
from distill.data.reading.readable import readable
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, Skeleton
from distill.system.errors import InputError

NOT_READ = frozenset({".heic", ".heif", ".avif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".svg"})
"Endings, in lower case, of pictures that are left out and told."
_ANNOTATIONS = ("*.json", "*.mat", "*.csv", "*.xml", "data.yaml", "annotations/*", "labels/*", "*/_annotations*")


@FORMATS.register("photographs")
class Photographs:
    """Pictures in a folder and the folders in it, taken where no other format finds annotations.

    Image ids are as `distill.data.reading.locate.image_ids_of` gives them; the content's SHA-256 is that of names and
    sizes.
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
        folder, files, sizes = readable([folder / name for name in photographs_in(folder)], findings)
        if not files:
            raise InputError(f"{findings.source} holds no photographs; give a folder of JPEG, PNG or WebP files")
        if skeleton is None:
            findings.add("photographs without annotations have no joints of their own; they get coco_17", files[0])
        others = Counter(Path(name).suffix.lower() for _, name in _files(folder))
        for ending in sorted(NOT_READ & others.keys()):
            findings.add(
                f"pictures that are not read ({ending}) are left out; save them as JPEG", ending, others[ending]
            )
        findings.add(NOBODY, files[0], len(files))
        ids = image_ids_of(files)
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
            annotation_file=findings.source,
            sha256=hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest(),
            notes=findings.notes(),
        )


def _folder(root: Path, split: str) -> Path:
    """Where the photographs of a split are; the root where none is divided off."""
    candidates = (root / split, root / "images" / split)
    return next((folder for folder in candidates if split and next(_any_photograph(folder), None)), root)


def _any_photograph(folder: Path) -> Iterator[Path]:
    return (place / name for place, name in _files(folder) if is_photograph(Path(name)))


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Folder and name of all files that are not hidden."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from ((Path(place), name) for name in files if not name.startswith("."))


def _may_be_annotated(root: Path) -> bool:
    return any(next(root.glob(pattern), None) is not None for pattern in _ANNOTATIONS)
