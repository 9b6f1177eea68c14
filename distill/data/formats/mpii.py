"""MPII Human Pose: `mpii_human_pose_v1_u12_1.mat`, 16 joints."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.formats.registry import FORMATS
from distill.data.photographs import upright_size
from distill.data.reading.categories import Category, person_categories
from distill.data.reading.findings import NOBODY, Findings
from distill.data.reading.json_file import content_of, sha256_of
from distill.data.reading.locate import first_folder, locate
from distill.data.reading.mat_file import items, variable, variables_of
from distill.data.reading.placing import placed_persons
from distill.data.reading.repairs import RawPersons, box_around
from distill.data.reading.values import number
from distill.data.source import DataSource
from distill.pose.skeleton import MPII_16, Skeleton
from distill.system.errors import InputError

SPLITS = ("test", "train")
"By the file's img_train, 0 or 1; of the test photographs the joints were never published."
HEIGHT = 200
"Pixels that a person of scale 1 is high."


@FORMATS.register("mpii")
class Mpii:
    """Andriluka et al., CVPR 2014: the struct `RELEASE`; photographs in `images`.

    MATLAB counts pixels from 1. Image ids are places in `annolist`, from 1. A person has no box: it is that of the
    joints, and of one without joints the square of `scale` times 200 pixels around `objpos`.
    """

    layout = "mpii_human_pose_v1_*.mat"

    def splits(self, root: Path) -> list[str]:
        """Both, where there is such a file."""
        return [*SPLITS] if _file(root) else []

    def sniffs(self, source: DataSource) -> bool:
        """Whether there is such a file."""
        if source.annotations is not None:
            return "RELEASE" in variables_of(source.annotations)
        return source.split in self.splits(source.root)

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; see `Format.read`."""
        path = source.annotations or _file(source.root)
        if path is None:
            raise InputError(f"{source.root} holds no {self.layout}; name the file with data.annotations")
        if source.split not in SPLITS:
            raise InputError(f"{path} has no split {source.split}; its splits are {', '.join(SPLITS)}: use data.split")
        sha256 = sha256_of(content_of(path))
        skeleton = skeleton or MPII_16
        person_categories([Category(1, "person", MPII_16.joints)], skeleton, path)
        root = source.root or path.parent
        folder = first_folder([source.images] if source.images else [root / "images", root])
        findings = Findings(path)
        images = _images(path, source.split == "train", findings)
        sizes = _sizes(images, folder, findings)
        persons = [person for image in images for person in image.persons]
        ids = np.array([image.number for image in images], dtype=np.int64)
        rows = np.repeat(np.arange(len(images)), [len(image.persons) for image in images])
        raw = _raw(persons, ids[rows])
        names = [image.file for image in images]
        is_train = source.split == "train"
        return placed_persons(raw, ids, sizes, names, folder, skeleton, findings, sha256, is_annotated=is_train)


class _Person(NamedTuple):
    """What the file says of somebody."""

    joints: np.ndarray
    "(16, 3) x, y, visibility."
    square: tuple[float, float, float, float]
    "Box x, y, width, height by position and scale; not a number where these are not known."


class _Image(NamedTuple):
    """What the file says of a photograph."""

    number: int
    file: str
    persons: list[_Person]


def _file(root: Path) -> Path | None:
    found = [path for path in sorted(root.glob("mpii*.mat")) if "RELEASE" in variables_of(path)]
    return found[0] if found else None


def _images(path: Path, is_train: bool, findings: Findings) -> list[_Image]:
    release = variable(path, "RELEASE")
    listed = items(release, "annolist")
    training = [number(flag) for flag in items(release, "img_train")]
    if not listed or len(listed) != len(training):
        raise InputError(
            f"{path}: RELEASE has {len(listed)} entries of annolist and {len(training)} of img_train; fetch it again"
        )
    images = []
    for place, (entry, flag) in enumerate(zip(listed, training, strict=True), start=1):
        file = getattr(getattr(entry, "image", None), "name", None)
        if not isinstance(file, str) or not file:
            raise InputError(f"{path}: entry {place} of annolist has no image.name; fetch it again")
        if (flag == 1) != is_train:
            continue
        persons = [_person(some) for some in items(entry, "annorect") if hasattr(some, "_fieldnames")]
        images.append(_Image(place, file, persons if is_train else []))
    if not images:
        raise InputError(f"{path} has no photographs with img_train {int(is_train)}; choose another data.split")
    if not is_train:
        findings.add(NOBODY, images[0].file, len(images))
    return images


def _person(entry: Any) -> _Person:
    joints = np.zeros((len(MPII_16), 3))
    for point in items(getattr(entry, "annopoints", None), "point"):
        joint = number(getattr(point, "id", None))
        if joint in range(len(MPII_16)):
            flag = number(getattr(point, "is_visible", None))
            x, y = number(getattr(point, "x", None)), number(getattr(point, "y", None))
            joints[int(joint)] = x, y, 1 if flag == 0 else 2
    side = HEIGHT * number(getattr(entry, "scale", None))
    middle = getattr(entry, "objpos", None)
    x, y = number(getattr(middle, "x", None)), number(getattr(middle, "y", None))
    return _Person(joints, (x - side / 2, y - side / 2, side, side))


def _sizes(images: list[_Image], folder: Path, findings: Findings) -> np.ndarray:
    """Sizes (M, 2) of the photographs themselves: the file has none."""
    files = locate([image.file for image in images], folder, Findings(findings.source))
    return np.array([upright_size(folder / file) for file in files], dtype=np.int64)


def _raw(persons: list[_Person], image_ids: np.ndarray) -> RawPersons:
    joints = np.array([person.joints for person in persons]).reshape(-1, len(MPII_16), 3)
    squares = np.array([person.square for person in persons]).reshape(-1, 4)
    around = box_around(joints * np.isfinite(joints).all(axis=2, keepdims=True))
    boxes = np.where(np.isfinite(around), around, squares)
    return RawPersons(
        ids=np.arange(1, len(persons) + 1),
        image_ids=image_ids,
        keypoints=joints,
        boxes=boxes,
        areas=boxes[:, 2:].prod(axis=1),
        is_crowd=np.zeros(len(persons), dtype=bool),
        outlines=[None] * len(persons),
        pixel_centre=-0.5,
    )
