"""Leeds Sports Pose and its extended training set: `joints.mat`, 14 joints of the main person of each photograph."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.formats.registry import FORMATS, WHOLE
from distill.data.photographs import upright_size
from distill.data.reading.categories import Category, person_categories
from distill.data.reading.findings import Findings
from distill.data.reading.json_file import content_of, sha256_of
from distill.data.reading.locate import first_folder, photographs_in
from distill.data.reading.mat_file import variable, variables_of
from distill.data.reading.placing import placed_persons
from distill.data.reading.repairs import RawPersons, box_around
from distill.data.source import DataSource
from distill.pose.skeleton import LSP_14, Skeleton
from distill.system.errors import InputError

NAME = "joints.mat"
HALVES = ("train", "test")
"The first and the second half of the 2,000 photographs, as the set's paper divides them."
FOLDERS = ("images", "photographs", "")


@FORMATS.register("lsp")
class LeedsSportsPose:
    """Johnson and Everingham, BMVC 2010 (2,000 photographs) and CVPR 2011 (10,000, all for training).

    The array `joints` is joint x (x, y, flag) x picture; the smaller set has the first two the other way round. Its
    flag says that a joint is hidden, that of the extended set that it is there at all. MATLAB counts pixels from 1.
    Picture n is `im0001.jpg` or `im00001.jpg` and has the id n; pictures that are not there are left out.

    Others beside the main person are not annotated: what lies outside of a person's box counts as a crowd.
    """

    layout = NAME

    def splits(self, root: Path) -> list[str]:
        """Halves of the small set; the extended one has none."""
        shape = variables_of(root / NAME).get("joints", ())
        if len(shape) != 3:
            return []
        return [*HALVES] if shape[:2] == (3, len(LSP_14)) else [WHOLE] if shape[:2] == (len(LSP_14), 3) else []

    def sniffs(self, source: DataSource) -> bool:
        """Whether there is such a file with that half."""
        if source.annotations is not None:
            return bool(self.splits(source.annotations.parent)) and source.annotations.name == NAME
        splits = self.splits(source.root)
        return source.split in splits or splits == [WHOLE]

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; see `Format.read`."""
        path = source.annotations or source.root / NAME
        sha256 = sha256_of(content_of(path))
        skeleton = skeleton or LSP_14
        person_categories([Category(1, "person", LSP_14.joints)], skeleton, path)
        joints, numbers = _joints(path, source.split)
        findings = Findings(path)
        root = source.root or path.parent
        folder = first_folder([source.images] if source.images else [root / name for name in FOLDERS])
        files = _by_number(folder)
        present = np.array([number in files for number in numbers.tolist()], dtype=bool)
        owners = [f"number {number}" for number in numbers]
        findings.add_where("photographs that are not there are left out", ~present, owners)
        if not present.any():
            raise InputError(f"{folder} holds none of the photographs of {path}; name their folder with data.images")
        joints, numbers = joints[present], numbers[present]
        names = [files[number] for number in numbers.tolist()]
        sizes = np.array([upright_size(folder / name) for name in names], dtype=np.int64)
        findings.add("photographs whose main person alone is annotated; the rest is ignored", names[0], len(names))
        raw = _persons(joints, numbers, sizes)
        return placed_persons(raw, numbers, sizes, names, folder, skeleton, findings, sha256)


def _joints(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Joints (N, 14, 3) x, y, visibility 0 to 2, and the numbers (N,) of their photographs."""
    values = np.asarray(variable(path, "joints"), dtype=object)
    if values.ndim == 2:
        values = values[..., None]
    shapes = {(3, len(LSP_14)): True, (len(LSP_14), 3): False}
    if values.ndim != 3 or values.shape[:2] not in shapes:
        raise InputError(f"{path}: joints is of shape {values.shape}, where 14 x 3 or 3 x 14 x pictures is wanted")
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{path}: joints holds something else than numbers; fetch it again") from None
    is_small = shapes[values.shape[:2]]
    joints = values.transpose((2, 1, 0) if is_small else (2, 0, 1)).copy()
    joints[..., 2] = np.where(joints[..., 2] == 0, 2, 1) if is_small else 2 * (joints[..., 2] != 0)
    numbers = np.arange(1, len(joints) + 1)
    if is_small and split in HALVES:
        rows = np.array_split(numbers - 1, 2)[HALVES.index(split)]
        return joints[rows], numbers[rows]
    return joints, numbers


def _by_number(folder: Path) -> dict[int, str]:
    """Photographs called im and a number."""
    named = [(Path(name).stem, name) for name in photographs_in(folder)]
    return {int(stem[2:]): name for stem, name in named if stem.startswith("im") and stem[2:].isdecimal()}


def _persons(joints: np.ndarray, numbers: np.ndarray, sizes: np.ndarray) -> RawPersons:
    """The main person of each photograph, and what lies around it as crowds."""
    boxes = box_around(joints)
    beside = [_around(box, size) for box, size in zip(boxes.tolist(), sizes.tolist(), strict=True)]
    owners = np.concatenate([numbers, np.repeat(numbers, [len(some) for some in beside])])
    boxes = np.concatenate([boxes, np.array([box for some in beside for box in some]).reshape(-1, 4)])
    order = np.argsort(owners, kind="stable")
    empty = np.zeros((len(boxes) - len(joints), *joints.shape[1:]))
    return RawPersons(
        ids=np.arange(1, len(boxes) + 1)[order],
        image_ids=owners[order],
        keypoints=np.concatenate([joints, empty])[order],
        boxes=boxes[order],
        areas=boxes[order, 2:].prod(axis=1),
        is_crowd=(np.arange(len(boxes)) >= len(joints))[order],
        outlines=[None] * len(boxes),
        pixel_centre=-0.5,
    )


def _around(box: Sequence[float], size: Sequence[int]) -> list[list[float]]:
    """Boxes that fill what lies outside of one: left, right, above and below; all of it where the box is unknown."""
    width, height = size
    if not np.isfinite(box).all():
        return [[0, 0, width, height]]
    left, right = np.clip([box[0], box[0] + box[2]], 0, width).tolist()
    top, bottom = np.clip([box[1], box[1] + box[3]], 0, height).tolist()
    sides = [
        [0, 0, left, height],
        [right, 0, width - right, height],
        [left, 0, right - left, top],
        [left, bottom, right - left, height - bottom],
    ]
    return [side for side in sides if min(side[2:]) >= 1]
