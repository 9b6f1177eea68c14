"""COCO's persons with feet: COCO-WholeBody and the foot annotations of OpenPose, 23 joints."""

from pathlib import Path
from typing import Any

from distill.data.annotations import AnnotatedSplit
from distill.data.formats.coco import Coco
from distill.data.formats.registry import FORMATS
from distill.data.reading.coco_json import ANNOTATED_JOINTS, read_coco_json
from distill.data.reading.json_file import mentions
from distill.data.reading.values import truth
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, COCO_FOOT_23, Skeleton
from distill.system.errors import InputError

_FILES = ("coco_wholebody_{short}_v1.0.json", "person_keypoints_{split}_foot_v1.json")
_FEET = 3 * (len(COCO_FOOT_23) - len(COCO_17))


@FORMATS.register("coco_wholebody")
class CocoWholeBody:
    """Jin et al., ECCV 2020, and Cao et al., TPAMI 2019: COCO's 17 joints, big toe, small toe and heel of both feet.

    Face and hands of COCO-WholeBody are not read. Where COCO's own file of the split lies beside, that one is taken
    unless `data.format` says coco_wholebody.
    """

    layout = "annotations/coco_wholebody_{split}_v1.0.json"

    def splits(self, root: Path) -> list[str]:
        """Those of which there is a file, train2017 for `train`, without those of which COCO's lies there."""
        names = {path.name for folder in _folders(root) for path in folder.glob("*_v1*.json")}
        found = [split for split in ("train2017", "val2017") if any(name in names for name in _names(split))]
        return [split for split in found if split not in Coco().splits(root)]

    def sniffs(self, source: DataSource) -> bool:
        """Whether there is such a file, or the one that is named is one."""
        if source.annotations is not None:
            return source.annotations.name.endswith("_foot_v1.json") or mentions(source.annotations, "foot_kpts")
        return source.split in self.splits(source.root)

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; see `Format.read`."""
        path = source.annotations or _file(source.root, source.split)
        return read_coco_json(path, Coco().folders(source, path), skeleton or COCO_FOOT_23, with_feet)


def with_feet(document: Any):
    """Put the feet behind COCO's joints, in place: what is no such document is left to the reader, which says so.

    Feet that are not valid are unlabelled; in photographs without any they are not annotated.
    """
    if not isinstance(document, dict):
        return
    for category in _objects(document.get("categories")):
        if category.get("keypoints") == list(COCO_17.joints):
            category["keypoints"] = list(COCO_FOOT_23.joints)
    for annotation in _objects(document.get("annotations")):
        joints, feet = annotation.get("keypoints"), annotation.get("foot_kpts")
        if isinstance(joints, list) and len(joints) == 3 * len(COCO_17):
            is_there = truth(annotation.get("foot_valid", True)) and isinstance(feet, list) and len(feet) == _FEET
            annotation["keypoints"] = joints + (feet if is_there else [0] * _FEET)
    entries = _objects(document.get("annotations"))
    with_some = {str(entry.get("image_id")) for entry in entries if any(_flags(entry.get("keypoints")))}
    document[ANNOTATED_JOINTS] = [list(COCO_17.joints)]
    for image in _objects(document.get("images")):
        if str(image.get("id")) not in with_some:
            image[ANNOTATED_JOINTS] = 0


def _flags(joints: Any) -> list:
    """Visibilities of the feet."""
    return joints[3 * len(COCO_17) + 2 :: 3] if isinstance(joints, list) else []


def _objects(entries: Any) -> list[dict]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _names(split: str) -> list[str]:
    return [name.format(split=split, short=split.removesuffix("2017")) for name in _FILES]


def _folders(root: Path) -> tuple[Path, ...]:
    return root / "annotations", root


def _file(root: Path, split: str) -> Path:
    found = [folder / name for name in _names(split) for folder in _folders(root) if (folder / name).is_file()]
    if not found:
        raise InputError(f"{root} holds no {' or '.join(_names(split))}; check data.root and data.split")
    return found[0]
