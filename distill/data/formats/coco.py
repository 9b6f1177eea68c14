"""COCO's JSON in the layouts of COCO, CVAT, Roboflow and Label Studio."""

import re
from collections.abc import Sequence
from pathlib import Path

from distill.data.annotations import AnnotatedSplit
from distill.data.formats.registry import FORMATS, WHOLE, has_split
from distill.data.reading.coco_json import read_coco_json
from distill.data.reading.json_file import mentions
from distill.data.source import DataSource
from distill.pose.skeleton import Skeleton

_BY_SPLIT = ("annotations/person_keypoints_{}.json", "annotations/{}.json", "{}/_annotations.coco.json")
_OTHERS = re.compile(r"(instances|captions|stuff|panoptic|image_info|densepose|coco_wholebody)_|.*_foot_v1$")
"Files in annotations/ that hold something else than persons with keypoints, or are of another format."
_DEFAULT = "default"
"What CVAT calls the only part of a set that is not divided."


@FORMATS.register("coco")
class Coco:
    """Annotations where COCO, CVAT, Roboflow or Label Studio put them, or where they are said to be.

    A keypoint in the file is the index of a pixel, whose centre is half a pixel further in continuous coordinates.
    """

    layout = "annotations/person_keypoints_{split}.json or {split}/_annotations.coco.json"

    def splits(self, root: Path) -> list[str]:
        """Those of which there is a file, in order of their names; see `Format.splits`."""
        found = set()
        for pattern in _BY_SPLIT:
            before, after = pattern.split("{}")
            for file in root.glob(pattern.format("*")):
                split = file.relative_to(root).as_posix()[len(before) : -len(after)]
                if not _OTHERS.match(split) and not split.startswith("person_keypoints_"):
                    found.add(split)
        if found - {_DEFAULT}:
            return sorted(found)
        return [WHOLE] if found or self._single(root) else []

    def sniffs(self, source: DataSource) -> bool:
        """Whether there is such a file, or the file that is named is one."""
        if source.annotations is not None:
            return _lists_images(source.annotations)
        return has_split(self.splits(source.root), source.split)

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; see `Format.read` and `read_coco_json`."""
        path = source.annotations or self._file(source.root, source.split)
        return read_coco_json(path, self.folders(source, path), skeleton)

    def _file(self, root: Path, split: str) -> Path:
        """The file of a split: the one named for it, else that of a set without splits."""
        for pattern in _BY_SPLIT:
            for name in filter(None, (split, _DEFAULT)):
                if (path := root / pattern.format(name)).is_file():
                    return path
        return self._single(root) or root / _BY_SPLIT[0].format(split)

    def folders(self, source: DataSource, path: Path) -> Sequence[Path]:
        """Where the photographs of a file may be."""
        if source.images is not None:
            return [source.images]
        if path.name == "_annotations.coco.json":
            return [path.parent]
        root = source.root or (path.parent.parent if path.parent.name == "annotations" else path.parent)
        named = [root / folder / name for name in (source.split, _DEFAULT) for folder in ("", "images")]
        return [*named, root / "images", root]

    def _single(self, root: Path) -> Path | None:
        """The only file beside the photographs' folder that lists images."""
        found = [file for file in sorted(root.glob("*.json")) if _lists_images(file)]
        return found[0] if len(found) == 1 else None


def _lists_images(path: Path) -> bool:
    return not path.stem.endswith("_foot_v1") and mentions(path, "images") and not mentions(path, "foot_kpts")
