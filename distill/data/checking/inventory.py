"""What is in a split, in figures."""

from typing import Any

import numpy as np

from distill.data.annotations import AnnotatedSplit

SMALL, LARGE = 32**2, 96**2
"Areas, square pixels, that divide small, medium and large persons as COCO does."
VISIBILITIES = ("unlabelled", "hidden", "visible")
"What 0, 1 and 2 mean."


def inventory(split: AnnotatedSplit) -> dict[str, Any]:
    """Figures of a split as JSON values, with the keys of `distill-data check --out`."""
    annotations = split.annotations
    labelled = annotations.labelled
    persons, areas = annotations.keypoints[labelled], annotations.areas[labelled]
    with_persons = np.unique(annotations.image_ids[labelled])
    known = np.array([outline is not None for outline in annotations.outlines], dtype=bool)
    shown = split.is_annotated & ~np.isin(split.image_ids, with_persons)
    sizes = split.sizes[np.argsort(split.sizes.prod(axis=1))]
    return {
        "categories": dict(split.categories),
        "photographs": {
            "all": len(split.image_ids),
            "annotated": int(split.is_annotated.sum()),
            "annotated_without_labelled_persons": int(shown.sum()),
            "smallest": sizes[0].tolist(),
            "median": sizes[len(sizes) // 2].tolist(),
            "largest": sizes[-1].tolist(),
        },
        "persons": {
            "labelled": int(labelled.sum()),
            "without_joints": int((~labelled & ~annotations.is_crowd).sum()),
            "crowds": int(annotations.is_crowd.sum()),
            "outlines_known": int(known.sum()),
            "outlines_unknown": int((~known).sum()),
            "small": int((areas < SMALL).sum()),
            "medium": int(((areas >= SMALL) & (areas < LARGE)).sum()),
            "large": int((areas >= LARGE).sum()),
            "median_height": round(float(np.median(annotations.boxes[labelled, 3])), 1) if labelled.any() else None,
        },
        "joints": {
            joint: {name: int((persons[:, k, 2] == v).sum()) for v, name in enumerate(VISIBILITIES)}
            for k, joint in enumerate(split.skeleton.joints)
        },
        "skeleton": split.skeleton.name,
    }
