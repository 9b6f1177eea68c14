"""COCO's JSON of annotations, as COCO, annotation tools, converters and hands write it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from distill.data.annotations import AnnotatedSplit, Annotations, PackedValues
from distill.data.photographs import upright_size
from distill.data.reading.categories import Category, own_skeleton, person_categories
from distill.data.reading.findings import NOBODY, Findings
from distill.data.reading.json_file import content_of, parsed, sha256_of
from distill.data.reading.kept import Parsed, kept
from distill.data.reading.locate import first_folder, locate
from distill.data.reading.persons_json import raw_persons
from distill.data.reading.placing import placed
from distill.data.reading.repairs import repaired
from distill.data.reading.values import number, shown, whole_number
from distill.pose.skeleton import COCO_17, Skeleton
from distill.system.errors import InputError

ANNOTATED_JOINTS = "annotated_joints"
"""Field beside COCO's own: in the file lists of joint names, in an image the number of the list that is annotated in
it. An image without it has all of the file's."""


def read_coco_json(
    path: Path,
    folders: Sequence[Path],
    skeleton: Skeleton | None,
    prepare: Callable[[Any], None] | None = None,
) -> AnnotatedSplit:
    """The split that one file describes.

    What no tool's reader can rely on is repaired or left out and told in `notes`, see
    `distill.data.reading.repairs`; what cannot be repaired is refused.

    Args:
        path: of the JSON.
        folders: where the photographs may lie; the first that is there is taken.
        skeleton: what the joints must be; None takes the set's own.
        prepare: changes the document in place before it is read, for formats that are COCO's and something more; a
            function of a module, by whose name the parsed form is kept.

    Raises:
        InputError: file or photographs are missing, or something in it cannot be what it stands for.
    """
    content = content_of(path)
    folder = first_folder(folders)
    sha256 = sha256_of(content)
    findings = Findings(path)

    def parse() -> tuple[Parsed, bool]:
        return _parse(_document(content, path, prepare), folder, skeleton, findings)

    wanted = [str(path), None if skeleton is None else skeleton.plain(), prepare and prepare.__qualname__]
    return placed(kept(sha256, wanted, len(content), parse), path, sha256, [folder], skeleton)


class _Image(NamedTuple):
    """What the file says of a photograph."""

    width: float
    height: float
    file: str
    joints: object


@dataclass(frozen=True)
class _Document:
    """The parts of the file."""

    images: list[dict]
    annotations: list[dict]
    categories: list[dict]
    joint_lists: list


def _document(content: bytes, path: Path, prepare: Callable[[Any], None] | None) -> _Document:
    document = parsed(content, path)
    if prepare is not None:
        prepare(document)
    if not isinstance(document, dict) or "images" not in document:
        raise InputError(f"{path} is not a COCO annotation file: it has no list of images")
    parts = {}
    for part in ("images", "annotations", "categories"):
        entries = document.get(part)
        entries = [] if entries is None else entries
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise InputError(f"{path} is not a COCO annotation file: {part} is no list of objects")
        parts[part] = entries
    return _Document(**parts, joint_lists=document.get(ANNOTATED_JOINTS) or [])


def _parse(document: _Document, folder: Path, given: Skeleton | None, findings: Findings) -> tuple[Parsed, bool]:
    """The parsed form, and whether it depends on the file alone."""
    path = findings.source
    categories = _categories(document.categories, path)
    skeleton, persons = _persons(categories, given, document, findings)
    images = _images(document.images, findings)
    sizes, is_lasting = _sizes(images, folder, findings)
    kept_entries = _of_persons(document.annotations, categories, persons, images, findings)
    if not document.annotations:
        findings.add(NOBODY, f"image {min(images, default='?')}", len(images))
    rows = np.array([_of_annotation(entry, "image_id", path) for entry in kept_entries], np.int64)
    ids = np.array(list(images), dtype=np.int64)
    raw = raw_persons(kept_entries, rows, len(skeleton), sizes[np.searchsorted(ids, rows)], findings)
    annotations = repaired(raw, sizes[np.searchsorted(ids, raw.image_ids)], findings)
    if len(persons) > 1:
        several = ", ".join(f"{each.id} ({each.name})" for each in persons)
        findings.add(f"categories {several} count as persons; results name {persons[0].id} for all of them", several)
    form = Parsed(
        skeleton=skeleton.plain(),
        category=persons[0].id,
        notes=findings.notes(),
        image_ids=ids,
        sizes=sizes,
        names=PackedValues(image.file for image in images.values()),
        annotations=annotations,
        categories=_counts(document.annotations, categories),
        **_what_is_annotated(images, document, annotations, skeleton, path),
    )
    return form, is_lasting


def _categories(entries: Iterable[Mapping[str, Any]], path: Path) -> list[Category]:
    categories = []
    for entry in entries:
        number = whole_number(entry, "id", f"{path}: a category")
        joints = entry.get("keypoints") if isinstance(entry.get("keypoints"), list) else []
        limbs = entry.get("skeleton") if isinstance(entry.get("skeleton"), list) else []
        name = shown(entry.get("name") or f"category {number}")
        categories.append(Category(number, name, tuple(map(str, joints)), tuple(limbs)))
    if len({category.id for category in categories}) < len(categories):
        raise InputError(f"{path}: two categories have the same id; give each its own")
    return categories


def _persons(
    categories: Sequence[Category], given: Skeleton | None, document: _Document, findings: Findings
) -> tuple[Skeleton, Sequence[Category]]:
    """The skeleton and the categories that are persons.

    In a file that names no joints at all, persons are those of the category that is called so, or of the only one:
    without joints, or with as many as the skeleton has.
    """
    path = findings.source
    if any(category.joints for category in categories):
        skeleton = given or own_skeleton(categories, findings)
        return skeleton, person_categories(categories, skeleton, path)
    unnamed = [category for category in categories if category.name.lower() == "person"] or categories[:1]
    with_joints = [e for e in document.annotations if isinstance(e.get("keypoints"), list) and e["keypoints"]]
    if given is None and not document.annotations:
        findings.add("a file without annotations that has no joints either gets coco_17", str(path.name))
        return COCO_17, unnamed or [Category(1, "person")]
    if given is None:
        raise InputError(f"{path} names no joints in its categories; give the skeleton by name or as a YAML file")
    if with_joints and (len(categories) > 1 or len(with_joints[0]["keypoints"]) != 3 * len(given)):
        raise InputError(
            f"{path} names no joints in its categories; write their names under keypoints of the category of persons"
        )
    if with_joints:
        findings.add(f"joints have no names; they are taken for those of {given.name}", "annotation", len(with_joints))
    return given, unnamed or [Category(1, "person")]


def _images(entries: Iterable[dict], findings: Findings) -> dict[int, _Image]:
    """Images by ascending id; what is listed twice in the same words counts once."""
    path, images = findings.source, {}
    for entry in entries:
        image_id = whole_number(entry, "id", f"{path}: an image")
        file = entry.get("file_name")
        if not isinstance(file, str) or not file.strip("/\\."):
            raise InputError(f"{path}: an image has no usable file_name ({file!r:.60}), that of id {image_id}")
        image = _Image(number(entry.get("width")), number(entry.get("height")), file, entry.get(ANNOTATED_JOINTS))
        known = images.setdefault(image_id, image)
        if known is not image and not _same(known, image):
            raise InputError(
                f"{path} lists two images with id {image_id}, {shown(known.file)} and {shown(file)}; give each its "
                "own, as `distill-data merge` does with sets that are joined"
            )
    if again := len(images) - len(files := Counter(image.file for image in images.values())):
        file = files.most_common(1)[0][0]
        findings.add(
            "photographs listed under several ids count as several, each with its own annotations alone",
            f"{file!r:.200}",
            again,
        )
    return dict(sorted(images.items()))


def _same(one: _Image, other: _Image) -> bool:
    return one.file == other.file and np.array_equal(one[:2], other[:2], equal_nan=True)


def _sizes(images: Mapping[int, _Image], folder: Path, findings: Findings) -> tuple[np.ndarray, bool]:
    """Sizes (M, 2), of the photographs themselves where the file has none, and whether it has all."""
    sizes = np.array([(image.width, image.height) for image in images.values()], dtype=np.float64).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        absent = ~((sizes >= 1) & (sizes < 2**31) & (sizes == np.floor(sizes))).all(axis=1)
    if absent.any():
        names = [image.file for image in images.values()]
        files = locate(names, folder, Findings(findings.source))
        for row in np.flatnonzero(absent):
            sizes[row] = upright_size(folder / files[row])
        owners = [f"image {image_id}" for image_id in images]
        findings.add_where("images without width and height; they are the photograph's", absent, owners)
    return sizes.astype(np.int64), not absent.any()


def _of_persons(
    entries: Sequence[dict],
    categories: Sequence[Category],
    persons: Sequence[Category],
    images: Mapping[int, _Image],
    findings: Findings,
) -> list[dict]:
    """Annotations of persons on listed images, by ascending image."""
    path = findings.source
    names, person_ids = {category.id: category.name for category in categories}, {person.id for person in persons}
    kept_entries, others, unlisted, first_other = [], Counter(), [], ""
    for entry in entries:
        category = _category(entry, categories or persons, path)
        if category not in person_ids:
            others[names.get(category, f"category {category}, which the file does not describe")] += 1
            first_other = first_other or f"annotation {shown(entry.get('id', '?'))}"
            continue
        image_id = _of_annotation(entry, "image_id", path)
        if image_id not in images:
            unlisted.append(image_id)
            continue
        kept_entries.append((image_id, entry))
    if others:
        counts = ", ".join(f"{count} of {name!r}" for name, count in others.most_common())
        owners = ", ".join(repr(person.name) for person in persons)
        findings.add(
            f"annotations of other categories than {owners} are left out ({counts})", first_other, others.total()
        )
    if unlisted:
        findings.add(
            "annotations of images that it does not list are left out", f"of image {unlisted[0]}", len(unlisted)
        )
    kept_entries.sort(key=lambda pair: pair[0])
    return [entry for _, entry in kept_entries]


def _counts(entries: Sequence[dict], categories: Sequence[Category]) -> dict[str, int]:
    """How many annotations of each category there are."""
    counts = Counter(str(entry.get("category_id")) for entry in entries)
    return {category.name: counts[str(category.id)] for category in categories}


def _category(entry: Mapping[str, Any], categories: Sequence[Category], path: Path) -> int:
    """The category of an annotation; it need not say it where there is only one."""
    if entry.get("category_id") is None and len(categories) == 1:
        return categories[0].id
    return _of_annotation(entry, "category_id", path)


def _of_annotation(entry: Mapping[str, Any], field: str, path: Path) -> int:
    """A whole number that an annotation has; of millions nearly all are one as they stand."""
    value = entry.get(field)
    if type(value) is int and abs(value) < 2**63:
        return value
    return whole_number(entry, field, f"{path}: annotation {shown(entry.get('id', '?'))}")


def _what_is_annotated(
    images: Mapping[int, _Image], document: _Document, annotations: Annotations, skeleton: Skeleton, path: Path
) -> dict[str, np.ndarray]:
    """`is_annotated` and `annotates` of an `AnnotatedSplit`."""
    somewhere = (annotations.keypoints[annotations.labelled][..., 2] > 0).any(axis=0)
    is_annotated = np.full(len(images), bool(document.annotations))
    annotates = np.tile(somewhere, (len(images), 1))
    lists = document.joint_lists
    if not isinstance(lists, list) or not all(isinstance(names, list) for names in lists):
        raise InputError(f"{path}: {ANNOTATED_JOINTS} must be a list of lists of joint names")
    tables = [[joint in names for joint in skeleton.joints] for names in lists]
    for row, (image_id, image) in enumerate(images.items()):
        if image.joints is None:
            continue
        if image.joints not in range(len(lists)):
            raise InputError(
                f"{path}: image {image_id} has {ANNOTATED_JOINTS} {image.joints!r:.60}; give the number of one of the "
                f"{len(lists)} lists that the file has under that name"
            )
        annotates[row] = tables[image.joints]
        is_annotated[row] &= bool(lists[image.joints])
    return {"is_annotated": is_annotated, "annotates": annotates}
