"""Writing splits as a YOLO-pose set, for Ultralytics and whatever reads its kind."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from distill.data.editing.content import Content, place
from distill.data.photographs import fits_only_unturned, header, read_photograph
from distill.data.reading.findings import Findings
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError
from distill.system.files import write_atomically


def write_yolo(root: Path, splits: Mapping[str, Content], how: str) -> list[str]:
    """Write photographs, labels and, last, data.yaml; returns what the format could not carry, a line each.

    Args:
        splits: by `train`, `val` or `test`.
        how: `copy` or `link` the photographs; those that must be read unturned are written as PNG.

    Raises:
        InputError: the splits have different skeletons.
        OSError: it cannot be written.
    """
    skeletons = {content.split.skeleton for content in splits.values()}
    if len(skeletons) > 1:
        raise InputError("the splits have different joints; convert them one by one with --split")
    lost = Findings(root)
    for name, content in splits.items():
        _write_split(root, name, content, how, lost)
    (skeleton,) = skeletons
    write_atomically(root / "data.yaml", yaml.safe_dump(_sheet(skeleton, list(splits)), sort_keys=False))
    return lost.lines()


def _sheet(skeleton: Skeleton, splits: list[str]) -> dict:
    return {
        **{split: f"images/{split}" for split in splits},
        "names": {0: "person"},
        "kpt_shape": [len(skeleton), 3],
        "flip_idx": skeleton.flip_index.tolist(),
        "kpt_names": {0: list(skeleton.joints)},
    }


def _write_split(root: Path, name: str, content: Content, how: str, lost: Findings):
    split, taken = content.split, set()
    for row, (image_id, photograph) in enumerate(zip(split.image_ids.tolist(), content.photographs, strict=True)):
        size = tuple(split.sizes[row].tolist())
        file = _free_name(Path(str(split.files[row])), taken)
        stored, orientation = header(photograph)
        if orientation > 1 and fits_only_unturned(stored, orientation, size):
            file = file.with_suffix(".png")
            (root / "images" / name / file).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(read_photograph(photograph, size)).save(root / "images" / name / file)
        else:
            place(photograph, root / "images" / name / file, how)
        if not split.is_annotated[row]:
            lost.add("photographs that nobody annotated become photographs that show nobody", str(file))
        lines = _lines(content, image_id, size, lost)
        write_atomically(root / "labels" / name / file.with_suffix(".txt"), "".join(lines))


def _lines(content: Content, image_id: int, size: tuple[int, int], lost: Findings) -> list[str]:
    annotations, lines = content.split.annotations, []
    those = annotations.of(image_id)
    for row in range(those.start, those.stop):
        owner = f"annotation {annotations.ids[row]} of image {image_id}"
        if annotations.is_crowd[row]:
            lost.add("crowds are left out", owner)
            continue
        if annotations.outlines[row] is not None:
            lost.add("outlines, and areas that differ from those of the boxes, are left out", owner)
        corner, extent = annotations.boxes[row, :2], annotations.boxes[row, 2:]
        low, high = np.clip(corner, 0, size), np.clip(corner + extent, 0, size)
        keypoints = annotations.keypoints[row].astype(np.float64)
        outside = (keypoints[:, 2] > 0) & ((keypoints[:, :2] < 0) | (keypoints[:, :2] > size)).any(axis=1)
        lost.add("joints outside of their photograph become unlabelled", owner, int(outside.any()))
        keypoints[outside] = 0
        keypoints[:, :2] /= size
        values = [*(((low + high) / 2) / size), *((high - low) / size), *keypoints.ravel()]
        lines.append(" ".join(["0", *(f"{value:.9g}" for value in values)]) + "\n")
    return lines


def _free_name(file: Path, taken: set[str]) -> Path:
    """The name, or another where a photograph of that name and another ending would share the label file."""
    stem, number = file.with_suffix(""), 2
    while stem.as_posix() in taken:
        stem, number = file.with_name(f"{file.stem}_{number}"), number + 1
    taken.add(stem.as_posix())
    return stem.with_name(stem.name + file.suffix)
