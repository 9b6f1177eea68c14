"""YOLO-pose: a `data.yaml` with `kpt_shape`, and a text file of labels beside each photograph."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.formats.registry import FORMATS
from distill.data.photographs import is_photograph
from distill.data.reading.categories import Category, own_skeleton, person_categories
from distill.data.reading.findings import Findings
from distill.data.reading.locate import image_ids_of, photographs_in
from distill.data.reading.readable import readable
from distill.data.reading.repairs import RawPersons, repaired
from distill.data.reading.yolo_sheet import YoloSheet, read_sheet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, Skeleton, with_defaults
from distill.system.errors import InputError

SPLITS = ("train", "val", "test")
_BOX = 5
"Values of a line before the joints: class, centre, width and height."
_LARGEST = 10
"Beyond it a coordinate is no fraction of a photograph."


@FORMATS.register("yolo_pose")
class YoloPose:
    """What Ultralytics trains on: fractions of the photograph, continuous, in one text file a photograph.

    Labels lie where the photograph does, `labels` in place of the last `images` in its path. A photograph without a
    file shows nobody. Image ids are as `distill.data.reading.locate.image_ids_of` gives them, category ids are classes
    counted from 1, and the area of a person, which the format has no place for, is that of the box.
    """

    layout = "data.yaml with kpt_shape and {split}"

    def splits(self, root: Path) -> list[str]:
        """Those that the YAML names and that are there."""
        try:
            sheet = YoloSheet.found(root)
            return [] if sheet is None else [name for name in SPLITS if name in sheet.values and sheet.places(name)]
        except InputError:
            return list(SPLITS)

    def sniffs(self, source: DataSource) -> bool:
        """Whether there is such a YAML with that split."""
        if source.annotations is not None:
            return read_sheet(source.annotations) is not None
        return source.split in self.splits(source.root)

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; see `Format.read`."""
        sheet = YoloSheet.of(source.annotations) if source.annotations else YoloSheet.found(source.root)
        if sheet is None:
            raise InputError(f"{source.root} has no YAML with kpt_shape; name it with data.annotations")
        findings = Findings(sheet.path)
        places = [source.images] if source.images else sheet.places(source.split)
        if not places:
            raise InputError(
                f"{sheet.path}: {source.split} is {sheet.values.get(source.split)!r:.200}, which is no folder and no "
                "list of photographs here; correct it, or name the folder with data.images"
            )
        folder, files, sizes = readable(_photographs(places), findings)
        if not files:
            raise InputError(f"{places[0]} holds no photographs; correct {source.split} in {sheet.path}")
        persons, joints = _skeleton_of(sheet, skeleton, findings)
        ids = image_ids_of(files)
        order = np.argsort(ids)
        files, ids = [files[row] for row in order], ids[order]
        sizes = np.array(sizes, dtype=np.int64)[order]
        lines, digest = _lines(sheet, folder, files, findings)
        raw = _persons(lines, sheet, ids, sizes, {person.id - 1 for person in persons}, findings)
        return AnnotatedSplit(
            skeleton=joints,
            image_ids=ids,
            sizes=sizes,
            folder=folder,
            files=np.array(files, dtype=str),
            annotations=repaired(raw, sizes[np.searchsorted(ids, raw.image_ids)], findings),
            annotation_file=sheet.path,
            sha256=digest,
            category=persons[0].id,
            categories=_counts(lines, sheet),
            notes=findings.notes(),
            is_annotated=np.ones(len(ids), dtype=bool),
        )


def _skeleton_of(sheet: YoloSheet, given: Skeleton | None, findings: Findings) -> tuple[Sequence[Category], Skeleton]:
    """The classes that are persons, as categories, and their skeleton."""
    named = {number: sheet.joint_names(number) for number in sheet.classes}
    if any(named.values()):
        categories = [Category(number + 1, name, named[number] or ()) for number, name in sheet.classes.items()]
        skeleton = given or own_skeleton(categories, findings)
        return person_categories(categories, skeleton, sheet.path), _paired(skeleton, sheet, given, findings)
    skeleton = given or _nameless(sheet)
    if len(skeleton) != sheet.joints:
        raise InputError(
            f"{sheet.path} has {sheet.joints} joints (kpt_shape) and skeleton {skeleton.name} has {len(skeleton)}; "
            "give the skeleton of the set as a YAML file, or auto"
        )
    findings.add(f"joints have no names (kpt_names); they are taken for those of {skeleton.name}", "kpt_shape")
    categories = [Category(number + 1, name, skeleton.joints) for number, name in sheet.classes.items()]
    return person_categories(categories, skeleton, sheet.path), _paired(skeleton, sheet, given, findings)


def _nameless(sheet: YoloSheet) -> Skeleton:
    """COCO's joints where they are as many and pair alike, else joints that are called by their numbers."""
    if sheet.joints == len(COCO_17) and sheet.flip in (None, tuple(COCO_17.flip_index.tolist())):
        return COCO_17
    joints = tuple(f"joint_{number}" for number in range(1, sheet.joints + 1))
    return Skeleton.from_plain(with_defaults(joints, name=f"person_{sheet.joints}"), str(sheet.path))


def _paired(skeleton: Skeleton, sheet: YoloSheet, given: Skeleton | None, findings: Findings) -> Skeleton:
    """The skeleton with the pairs of flip_idx where it has none of its own; where both have some they must agree."""
    if sheet.flip is None or tuple(skeleton.flip_index.tolist()) == sheet.flip:
        return skeleton
    pairs = [(skeleton.joints[a], skeleton.joints[b]) for a, b in enumerate(sheet.flip) if a < b]
    if not pairs:
        findings.add("flip_idx pairs no joints; left and right are paired by their names", str(skeleton.flip_pairs))
        return skeleton
    if given is None and not skeleton.flip_pairs:
        return Skeleton.from_plain(skeleton.plain() | {"flip_pairs": pairs}, str(sheet.path))
    first = next(k for k, other in enumerate(sheet.flip) if other != skeleton.flip_index[k])
    raise InputError(
        f"{sheet.path}: flip_idx mirrors {skeleton.joints[first]} to {skeleton.joints[sheet.flip[first]]}, skeleton "
        f"{skeleton.name} to {skeleton.joints[skeleton.flip_index[first]]}; correct flip_idx or the order of the joints"
    )


def _photographs(places: Sequence[Path]) -> list[Path]:
    """All photographs of folders and of lists of paths."""
    found = []
    for place in places:
        if place.is_dir():
            found += [place / name for name in photographs_in(place)]
        elif is_photograph(place):
            found.append(place)
        else:
            listed = place.read_text(encoding="utf-8", errors="replace").replace("\\", "/").splitlines()
            found += [place.parent / name.strip().removeprefix("./") for name in listed if name.strip()]
    return list(dict.fromkeys(found))


def _label_file(photograph: Path) -> Path:
    parts = list(photograph.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


@dataclass(frozen=True)
class _Line:
    """A line of a label file."""

    row: int
    "Of the photograph."
    owner: str
    "File and number, for messages."
    values: tuple[float, ...]


def _lines(sheet: YoloSheet, folder: Path, files: Sequence[str], findings: Findings) -> tuple[list[_Line], str]:
    """All lines of the label files in the order of the photographs, and the SHA-256 of all that was read."""
    digest, lines, present = hashlib.sha256(sheet.path.read_bytes()), [], 0
    for row, file in enumerate(files):
        path = _label_file(folder / file)
        try:
            content = path.read_bytes()
        except OSError:
            continue
        present += 1
        digest.update(f"{file}\n".encode("utf-8", "surrogateescape") + content)
        known = set()
        for number, line in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), start=1):
            owner = f"{path} line {number}"
            if not line.strip():
                continue
            values = _values(line, sheet, owner)
            if values in known:
                findings.add("lines that stand twice in a file are left out once", owner)
                continue
            known.add(values)
            lines.append(_Line(row, owner, values))
    if not present:
        raise InputError(
            f"{sheet.path}: none of the {len(files)} photographs has a label file; {_label_file(folder / files[0])} is "
            "where that of the first is looked for (say data.format photographs if nobody is annotated)"
        )
    return lines, digest.hexdigest()


def _values(line: str, sheet: YoloSheet, owner: str) -> tuple[float, ...]:
    try:
        values = tuple(map(float, line.split()))
    except ValueError:
        raise InputError(f"{owner} holds something else than numbers: {line.strip()!r:.60}") from None
    wanted = _BOX + sheet.joints * (3 if sheet.has_visibility else 2)
    if len(values) not in (_BOX, wanted):
        raise InputError(
            f"{owner} holds {len(values)} values, where class, box and joints of kpt_shape "
            f"{list(sheet.values['kpt_shape'])} make {wanted}; correct it or kpt_shape"
        )
    if values[0] not in sheet.classes:
        raise InputError(f"{owner} is of class {values[0]:g}, which names in {sheet.path} does not have")
    return values


def _counts(lines: Sequence[_Line], sheet: YoloSheet) -> dict[str, int]:
    """How many lines there are of each class, by name."""
    counts = Counter(line.values[0] for line in lines)
    return {name: counts[number] for number, name in sheet.classes.items()}


def _persons(
    lines: Sequence[_Line], sheet: YoloSheet, ids: np.ndarray, sizes: np.ndarray, classes: set[int], findings: Findings
) -> RawPersons:
    """The lines of persons in pixels; those of other classes are left out and told."""
    names = ", ".join(sheet.classes[number] for number in sorted(classes))
    for line in lines:
        if line.values[0] not in classes:
            findings.add(f"labels of other classes than {names} are left out", line.owner)
        elif len(line.values) == _BOX:
            findings.add("boxes without joints are persons whom nobody labelled", line.owner)
        if max(line.values[1:_BOX]) > _LARGEST:
            raise InputError(f"{line.owner} holds {max(line.values[1:_BOX]):g}; YOLO's boxes are fractions, 0 to 1")
    lines = [line for line in lines if line.values[0] in classes]
    rows = np.array([line.row for line in lines], dtype=np.int64)
    scale = sizes[rows].astype(np.float64)
    boxes = np.array([line.values[1:_BOX] for line in lines]).reshape(-1, 4) * np.tile(scale, 2)
    boxes[:, :2] -= boxes[:, 2:] / 2
    return RawPersons(
        ids=np.arange(1, len(lines) + 1),
        image_ids=ids[rows],
        keypoints=_keypoints(lines, sheet) * np.insert(scale, 2, 1, axis=1)[:, None],
        boxes=boxes,
        areas=boxes[:, 2:].prod(axis=1),
        is_crowd=np.zeros(len(lines), dtype=bool),
        outlines=[None] * len(lines),
        owners=[line.owner for line in lines],
        pixel_centre=0.0,
    )


def _keypoints(lines: Sequence[_Line], sheet: YoloSheet) -> np.ndarray:
    """Joints (N, K, 3) in fractions; two values a joint are visible, unless both are 0."""
    width = 3 if sheet.has_visibility else 2
    empty = (0.0,) * (width * sheet.joints)
    values = np.array([line.values[_BOX:] or empty for line in lines]).reshape(-1, sheet.joints, width)
    if sheet.has_visibility:
        return values * (values[..., 2:] != 0)
    return np.concatenate([values, 2.0 * (values != 0).any(axis=2, keepdims=True)], axis=2)
