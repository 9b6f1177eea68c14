"""Writing a split as COCO's JSON, which this and every other COCO tool reads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import distill
from distill.data.annotations import AnnotatedSplit
from distill.data.editing.content import Content, place
from distill.data.reading.coco_json import ANNOTATED_JOINTS
from distill.pose.skeleton import Skeleton, get_skeleton, shipped_names
from distill.system.files import write_atomically

SKELETON = "skeleton.yaml"
"Beside the set: what its JSON has no place for, where the skeleton is none that ships."


def write_coco(root: Path, name: str, content: Content, how: str) -> Path:
    """Write photographs to ROOT/NAME and annotations to ROOT/annotations; returns the file of these, written last.

    Joints become indices of pixels, to a thousandth; outlines, crowds, areas and ids stay.

    Args:
        how: `copy` or `link` the photographs.

    Raises:
        OSError: it cannot be written.
    """
    split = content.split
    for photograph, file in zip(content.photographs, split.files.tolist(), strict=True):
        place(photograph, root / name / file, how)
    if not _ships(split.skeleton):
        plain = yaml.safe_dump(split.skeleton.plain(), sort_keys=False, allow_unicode=True)
        write_atomically(root / SKELETON, plain)
    path = root / "annotations" / f"person_keypoints_{name}.json"
    write_atomically(path, json.dumps(document_of(split), separators=(",", ":")))
    return path


def document_of(split: AnnotatedSplit) -> dict[str, Any]:
    """What the JSON says; see `write_coco`."""
    skeleton = split.skeleton
    lists, of_images = _annotated_joints(split)
    images = [
        {"id": image_id, "file_name": file, "width": size[0], "height": size[1]} | joints
        for image_id, file, size, joints in zip(
            split.image_ids.tolist(), split.files.tolist(), split.sizes.tolist(), of_images, strict=True
        )
    ]
    category = {
        "id": split.category,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": (skeleton.limb_index + 1).tolist(),
    }
    return {
        "info": {"description": f"written by pose-distill {distill.__version__}"},
        "images": images,
        "annotations": _persons(split),
        "categories": [category],
    } | ({ANNOTATED_JOINTS: lists} if lists else {})


def _persons(split: AnnotatedSplit) -> list[dict[str, Any]]:
    annotations = split.annotations
    shifted = annotations.keypoints.astype(np.float64) - (0.5, 0.5, 0)
    keypoints = np.round(shifted * (annotations.keypoints[..., 2:] > 0), 3)
    return [
        {
            "id": int(annotations.ids[row]),
            "image_id": int(annotations.image_ids[row]),
            "category_id": split.category,
            "iscrowd": int(annotations.is_crowd[row]),
            "bbox": np.round(annotations.boxes[row], 3).tolist(),
            "area": round(float(annotations.areas[row]), 3),
            "num_keypoints": int((keypoints[row, :, 2] > 0).sum()),
            "keypoints": [int(v) if v == int(v) else v for v in keypoints[row].ravel().tolist()],
            "segmentation": annotations.outlines[row] or [],
        }
        for row in range(len(annotations))
    ]


def _annotated_joints(split: AnnotatedSplit) -> tuple[list[list[str]], list[dict[str, int]]]:
    """The lists of joints that are annotated, and of each photograph the number of its list.

    None where what a reader takes for granted is so: every photograph is annotated with all joints that anybody has.
    """
    labelled = split.annotations.keypoints[split.annotations.labelled][..., 2] > 0
    tables = split.annotates & split.is_annotated[:, None]
    if (tables == labelled.any(axis=0)).all() and split.is_annotated.all() == bool(len(split.annotations)):
        return [], [{}] * len(tables)
    unique, numbers = np.unique(tables, axis=0, return_inverse=True)
    lists = [[joint for joint, is_there in zip(split.skeleton.joints, row, strict=True) if is_there] for row in unique]
    return lists, [{ANNOTATED_JOINTS: number} for number in numbers.ravel().tolist()]


def _ships(skeleton: Skeleton) -> bool:
    return any(get_skeleton(name) == skeleton for name in shipped_names())
