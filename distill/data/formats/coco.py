"""COCO's own layout and JSON."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from distill.data.annotations import AnnotatedSplit, Annotations, PackedValues
from distill.data.categories import Category, own_skeleton, person_categories
from distill.data.formats.registry import FORMATS
from distill.data.outlines import usable_outline
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError


@FORMATS.register("coco")
class Coco:
    """Annotations in ROOT/annotations/person_keypoints_SPLIT.json, photographs in ROOT/SPLIT or ROOT/images/SPLIT.

    A keypoint in the file is the index of a pixel, whose centre is half a pixel further in continuous coordinates.
    """

    layout = "annotations/person_keypoints_{split}.json"

    def sniffs(self, root: Path, split: str) -> bool:
        """Whether there is such a file."""
        return (root / self.layout.format(split=split)).is_file()

    def read(self, root: Path, split: str, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; see `Format.read`. Annotations of other categories and of images not listed are left out."""
        path = root / self.layout.format(split=split)
        content = _content(path)
        folder = _photographs(root, split)
        document = _parsed(content, path)
        categories = _categories(document["categories"], path)
        skeleton = skeleton or own_skeleton(categories, path)
        persons = person_categories(categories, skeleton, path)
        images = _images(document["images"], path)
        annotations, notes = _persons(document["annotations"], categories, persons, images, path)
        if len(persons) > 1:
            several = ", ".join(f"{each.id} ({each.name})" for each in persons)
            notes += (f"{path}: categories {several} count as persons; results name {persons[0].id} for all of them",)
        return AnnotatedSplit(
            skeleton=skeleton,
            image_ids=np.array(list(images), dtype=np.int64),
            sizes=np.array([(image.width, image.height) for image in images.values()], dtype=np.int64).reshape(-1, 2),
            folder=folder,
            files=np.array([image.file for image in images.values()], dtype=str),
            annotations=_packed(annotations, len(skeleton), images, path),
            annotation_file=path,
            sha256=hashlib.sha256(content).hexdigest(),
            category=persons[0].id,
            notes=notes,
        )


class _Image(NamedTuple):
    """What the file says of a photograph."""

    width: int
    height: int
    file: str


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist; check data.root and data.split, or fetch it with `distill-data fetch`"
        ) from None


def _photographs(root: Path, split: str) -> Path:
    folders = [root / split, root / "images" / split]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise InputError(f"no photographs: neither {folders[0]} nor {folders[1]} is a folder")


def _parsed(content: bytes, path: Path) -> dict[str, list[dict]]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); it may be truncated, fetch it again") from None
    parts = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not set(parts) <= document.keys():
        raise InputError(f"{path} is not a COCO annotation file: images, annotations or categories is missing")
    for part in parts:
        if not isinstance(document[part], list) or not all(isinstance(entry, dict) for entry in document[part]):
            raise InputError(f"{path} is not a COCO annotation file: {part} is no list of objects")
    return document


def _categories(entries: Iterable[Mapping[str, Any]], path: Path) -> list[Category]:
    categories = []
    for entry in entries:
        number = _integer(entry, "id", f"{path}: a category")
        joints = entry.get("keypoints") if isinstance(entry.get("keypoints"), list) else []
        limbs = entry.get("skeleton") if isinstance(entry.get("skeleton"), list) else []
        name = str(entry.get("name") or f"category {number}")
        categories.append(Category(number, name, tuple(map(str, joints)), tuple(limbs)))
    if len({category.id for category in categories}) < len(categories):
        raise InputError(f"{path}: two categories have the same id; give each its own")
    return categories


def _images(entries: Iterable[dict], path: Path) -> dict[int, _Image]:
    """Images by ascending id; what is listed twice in the same words counts once."""
    images = {}
    for entry in entries:
        number = _integer(entry, "id", f"{path}: an image")
        file = entry.get("file_name")
        if not isinstance(file, str) or not file:
            raise InputError(f"{path}: an image has no field file_name, that of id {number}")
        width, height = (_integer(entry, side, f"{path}: image {number}") for side in ("width", "height"))
        if images.setdefault(number, _Image(width, height, file)) != (width, height, file):
            raise InputError(f"{path} lists two images with id {number}; give each its own")
    return dict(sorted(images.items()))


def _persons(
    entries: Sequence[dict],
    categories: Sequence[Category],
    persons: Sequence[Category],
    images: Mapping[int, _Image],
    path: Path,
) -> tuple[list[dict], tuple[str, ...]]:
    """Annotations of persons on listed images, checked and by ascending image, and what is to be said of the rest."""
    names, person_ids = {category.id: category.name for category in categories}, {person.id for person in persons}
    kept, others, unlisted = [], Counter(), 0
    for entry in entries:
        owner = f"{path}: annotation {entry.get('id', '?')}"
        category = _category(entry, categories, owner)
        if category not in person_ids:
            others[names.get(category, f"category {category}, which the file does not describe")] += 1
            continue
        entry |= {"id": _integer(entry, "id", owner), "image_id": _integer(entry, "image_id", owner)}
        if entry["image_id"] not in images:
            unlisted += 1
            continue
        kept.append(entry)
    notes = []
    if others:
        counts = ", ".join(f"{count} of {name!r}" for name, count in others.most_common())
        owners = ", ".join(repr(person.name) for person in persons)
        notes.append(f"{path}: annotations of other categories than {owners} are left out: {counts}")
    if unlisted:
        notes.append(f"{path}: {unlisted} annotations of images that it does not list are left out")
    return sorted(kept, key=itemgetter("image_id")), tuple(notes)


def _category(entry: Mapping[str, Any], categories: Sequence[Category], owner: str) -> int:
    """The category of an annotation; it need not say it where there is only one."""
    if entry.get("category_id") is None and len(categories) == 1:
        return categories[0].id
    return _integer(entry, "category_id", owner)


def _packed(entries: Sequence[dict], num_joints: int, images: Mapping[int, _Image], path: Path) -> Annotations:
    """Annotations of listed images, by ascending image, as arrays."""
    for entry in entries:
        _check(entry, num_joints, path)
    boxes = _numbers(entries, "bbox", None, path).reshape(-1, 4)
    keypoints = _numbers(entries, "keypoints", [0] * (3 * num_joints), path).astype(np.float32)
    keypoints = keypoints.reshape(-1, num_joints, 3)
    keypoints[..., :2] += 0.5
    areas = np.where(
        ["area" in entry for entry in entries], _numbers(entries, "area", 0, path), boxes[:, 2] * boxes[:, 3]
    )
    return Annotations(
        ids=np.array([entry["id"] for entry in entries], dtype=np.int64),
        image_ids=np.array([entry["image_id"] for entry in entries], dtype=np.int64),
        boxes=boxes,
        keypoints=keypoints,
        is_crowd=np.array([bool(entry.get("iscrowd")) for entry in entries], dtype=bool),
        areas=areas,
        outlines=PackedValues(_outline(entry, images[entry["image_id"]], path) for entry in entries),
    )


def _check(entry: dict, num_joints: int, path: Path):
    """The fields of an annotation; keypoints that are absent or empty are those of a person nobody labelled."""
    if entry.get("keypoints") == []:
        del entry["keypoints"]
    for field, length in (("bbox", 4), ("keypoints", 3 * num_joints)):
        value = entry.get(field, [0] * length if field == "keypoints" else None)
        if not isinstance(value, list):
            raise InputError(f"{path}: annotation {entry['id']} has no usable field {field}")
        if len(value) != length:
            raise InputError(f"{path}: annotation {entry['id']} has {len(value)} values in {field} instead of {length}")
    if entry.get("iscrowd") not in (0, 1, None):
        raise InputError(f"{path}: annotation {entry['id']} has iscrowd {entry['iscrowd']!r}; write the number 0 or 1")


def _numbers(entries: Sequence[dict], field: str, absent: object, path: Path) -> np.ndarray:
    """A field of all annotations as float64; one without it has what `absent` says, null is not a number (NaN)."""
    try:
        return np.array([entry.get(field, absent) for entry in entries], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        owner = next((entry["id"] for entry in entries if not _is_numeric(entry.get(field, absent))), "?")
        raise InputError(f"{path}: annotation {owner} holds something else than a number in {field}") from None


def _is_numeric(value: object) -> bool:
    """Whether it is a number or a list of numbers."""
    return all(isinstance(number, int | float | None) for number in (value if isinstance(value, list) else [value]))


def _outline(entry: Mapping[str, Any], image: _Image, path: Path) -> list | dict | None:
    try:
        return usable_outline(entry.get("segmentation"), image.width, image.height)
    except ValueError as error:
        raise InputError(f"{path}: annotation {entry['id']} has a segmentation {error}") from None


def _integer(entry: Mapping[str, Any], field: str, owner: str) -> int:
    """A whole number of 64 bits, also where it stands as text; `owner` begins the message of the InputError."""
    value = entry.get(field)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{owner} has no usable {field} ({value!r}); give a whole number") from None
    if (isinstance(value, float) and number != value) or not -(2**63) <= number < 2**63:
        raise InputError(f"{owner} has no usable {field} ({value!r}); give a whole number of 64 bits")
    return number
