"""The annotations of a split, packed into a few arrays."""

import json
from collections.abc import Iterable, Mapping
from operator import itemgetter

import numpy as np


class Annotations:
    """COCO's annotated persons, numbered in the order of their images.

    All loader workers share what is packed here. A Python object is copied into each worker that looks at it, for
    its count of references changes: those of train2017 would in time take a gigabyte in every worker.

    Args:
        annotations: in COCO's format, each with `id`, `image_id`, `bbox` and the K joints of `keypoints`.
        num_keypoints: K.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: an annotation has no such field, or what is no number in it.
    """

    def __init__(self, annotations: Iterable[Mapping], num_keypoints: int):
        annotations = sorted(annotations, key=itemgetter("image_id"))
        self.ids = np.array([a["id"] for a in annotations])
        "(N,)."
        self.boxes = np.array([a["bbox"] for a in annotations], dtype=np.float64).reshape(-1, 4)
        "(N, 4) x, y, width, height as in the file."
        self.keypoints = np.array([a["keypoints"] for a in annotations], dtype=np.float32)
        self.keypoints = self.keypoints.reshape(-1, num_keypoints, 3)
        "(N, K, 3) as in the file."
        is_crowd = np.array([bool(a.get("iscrowd")) for a in annotations], dtype=bool)
        self.labelled = ~is_crowd & (self.keypoints[..., 2] > 0).any(axis=1)
        "(N,) whether it is one person with at least one labelled joint."
        self._image_ids = np.array([a["image_id"] for a in annotations], dtype=np.int64)
        outlines, ends = bytearray(), [0]
        for annotation in annotations:
            outlines += json.dumps(annotation.get("segmentation")).encode()
            ends.append(len(outlines))
        self._outlines, self._ends = bytes(outlines), np.array(ends)

    def of(self, image_id: int) -> slice:
        """Those of one image."""
        return slice(*np.searchsorted(self._image_ids, (image_id, image_id + 1)).tolist())

    def segmentation(self, number: int) -> list | dict | None:
        """The outline of one annotation as in the file, None where there is none."""
        return json.loads(self._outlines[self._ends[number] : self._ends[number + 1]])
