"""AI Challenger 2017 human keypoints: `keypoint_SPLIT_annotations_*.json`, 14 joints."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.formats.registry import FORMATS
from distill.data.photographs import upright_size
from distill.data.reading.categories import Category, person_categories
from distill.data.reading.findings import Findings
from distill.data.reading.json_file import content_of, parsed, sha256_of
from distill.data.reading.locate import first_folder, locate
from distill.data.reading.placing import placed_persons
from distill.data.reading.repairs import RawPersons, box_around
from distill.data.reading.values import numbers
from distill.data.source import DataSource
from distill.pose.skeleton import AI_CHALLENGER_14, Skeleton
from distill.system.errors import InputError

VISIBILITY = {1: 2, 2: 1, 3: 0}
"From its visible, occluded and not labelled to COCO's."
_FILE = re.compile(r"keypoint_(.+)_annotations(_.*)?\.json")


@FORMATS.register("ai_challenger")
class AiChallenger:
    """Wu et al., arXiv 1711.06475: a list of photographs, each with its persons' joints and boxes by name.

    The photographs lie in `keypoint_SPLIT_images_*`, `images` or the root. Their names are hashes: image ids count
    from 1 in the order of the names. The area of a person is that of the box.
    """

    layout = "keypoint_{split}_annotations_*.json"

    def splits(self, root: Path) -> list[str]:
        """Those of which there is a file, in the folder or one below it."""
        return sorted({_FILE.fullmatch(path.name)[1] for path in _files(root)})

    def sniffs(self, source: DataSource) -> bool:
        """Whether there is such a file, or the one that is named lists photographs in this way."""
        if source.annotations is not None:
            return _starts_as_one(source.annotations)
        return source.split in self.splits(source.root)

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; see `Format.read`."""
        path = source.annotations or _file(source.root, source.split)
        content = content_of(path)
        skeleton = skeleton or AI_CHALLENGER_14
        person_categories([Category(1, "person", AI_CHALLENGER_14.joints)], skeleton, path)
        findings = Findings(path)
        photographs = _photographs(parsed(content, path), path)
        folder = first_folder(_folders(source, path))
        names = [f"{photograph.name}.jpg" for photograph in photographs]
        files = locate(names, folder, Findings(path))
        sizes = np.array([upright_size(folder / file) for file in files], dtype=np.int64)
        ids = np.arange(1, len(photographs) + 1)
        raw = _raw(photographs, ids, findings)
        sha256 = sha256_of(content)
        return placed_persons(raw, ids, sizes, names, folder, skeleton, findings, sha256)


class _Photograph(NamedTuple):
    """What the file says of one."""

    name: str
    persons: list[tuple[str, object, object]]
    "Name, joints and box of each as they stand in the file."


def _files(root: Path) -> list[Path]:
    found = [*root.glob("keypoint_*_annotations*.json"), *root.glob("*/keypoint_*_annotations*.json")]
    return sorted(path for path in found if _FILE.fullmatch(path.name))


def _file(root: Path, split: str) -> Path:
    named = [path for path in _files(root) if _FILE.fullmatch(path.name)[1] == split]
    if not named:
        raise InputError(f"{root} holds no keypoint_{split}_annotations_*.json; check data.root and data.split")
    return named[0]


def _starts_as_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    keys = (b'"image_id"', b'"keypoint_annotations"', b'"human_annotations"')
    return start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[") and any(key in start for key in keys[1:])


def _folders(source: DataSource, path: Path) -> list[Path]:
    if source.images is not None:
        return [source.images]
    named = sorted(path.parent.glob(f"keypoint_{source.split}_images*"))
    return [*named, path.parent / "images", *([source.root / "images"] if source.root else []), path.parent]


def _photographs(document: object, path: Path) -> list[_Photograph]:
    """By name, each once."""
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise InputError(f"{path} is not of AI Challenger: it is no list of photographs")
    found = {}
    for entry in document:
        name, joints, boxes = (entry.get(key) for key in ("image_id", "keypoint_annotations", "human_annotations"))
        if not isinstance(name, str) or not name or name in found:
            what = "appears twice" if name in found else "is no name of a photograph"
            raise InputError(f"{path}: image_id {name!r:.60} {what}; correct it")
        joints, boxes = joints or {}, boxes or {}
        if not isinstance(joints, dict) or not isinstance(boxes, dict):
            raise InputError(f"{path}: image {name:.60} has no persons by name; fetch the file again")
        people = sorted(joints.keys() | boxes.keys())
        found[name] = _Photograph(name, [(person, joints.get(person), boxes.get(person)) for person in people])
    return [found[name] for name in sorted(found)]


def _raw(photographs: list[_Photograph], ids: np.ndarray, findings: Findings) -> RawPersons:
    count = len(AI_CHALLENGER_14)
    persons = [(f"{name} of image {p.name:.60}", joints, box) for p in photographs for name, joints, box in p.persons]
    owners = [owner for owner, _, _ in persons]
    for owner, joints, _ in persons:
        if joints is not None and (not isinstance(joints, list) or len(joints) != 3 * count):
            size = len(joints) if isinstance(joints, list) else "no"
            raise InputError(
                f"{findings.source}: {owner} has {size} values of keypoint_annotations instead of {3 * count}; give x, "
                f"y, visibility of {count} joints"
            )
    unlabelled = [0, 0, 3] * count
    values = numbers([joints or unlabelled for _, joints, _ in persons], 3 * count).reshape(-1, count, 3)
    known = np.isin(values[..., 2], list(VISIBILITY))
    odd = ~known.all(axis=1)
    findings.add_where("persons with joints of another visibility than 1, 2, 3; these count as unlabelled", odd, owners)
    flags = np.select([values[..., 2] == theirs for theirs in VISIBILITY], list(VISIBILITY.values()), 0)
    keypoints = np.concatenate([values[..., :2], flags[..., None]], axis=2)
    corners = numbers([box for _, _, box in persons], 4)
    boxes = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    around = box_around(keypoints)
    return RawPersons(
        ids=np.arange(1, len(persons) + 1),
        image_ids=np.repeat(ids, [len(photograph.persons) for photograph in photographs]),
        keypoints=keypoints,
        boxes=boxes,
        areas=np.where(np.isfinite(boxes).all(axis=1), boxes[:, 2:].prod(axis=1), around[:, 2:].prod(axis=1)),
        is_crowd=np.zeros(len(persons), dtype=bool),
        outlines=[None] * len(persons),
        owners=owners,
    )
