"""A results file in COCO's format, by any tool, as a teacher."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from teachers.contract import Surroundings, TeacherPersons
from teachers.errors import WeightsError
from teachers.registry import register

_FARTHEST = 1_000_000
"Pixels from a photograph's corner beyond which no joint can lie."


@register("results")
class Results:
    """Persons that mmpose, Ultralytics, Detectron2 or any other tool wrote as COCO's keypoint results.

    Places are indices of pixels, whose centres are half a pixel further. A joint's confidence is its third value, as
    far as it lies in 0..1.

    Args:
        surroundings: the file's keypoints must be of so many joints, in the skeleton's order.
        results: the JSON: a list of image_id, keypoints, score.
        confidence: persons of a lower score are left out.
    """

    needs = ("image_ids",)

    def __init__(self, surroundings: Surroundings, *, results: Path, confidence: float = 0.1):
        path = Path(results)
        try:
            content = path.read_bytes()
            entries = json.loads(content)
        except OSError as error:
            raise WeightsError(
                f"{path} cannot be read ({error.strerror}); name a file of COCO keypoint results"
            ) from None
        except ValueError as error:
            raise WeightsError(f"{path} is not JSON ({error}); write it again") from None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise WeightsError(f"{path} is no list of persons with image_id, keypoints and score")
        self.joints, self.confidence = len(surroundings.joints), confidence
        self._sha256 = hashlib.sha256(content).hexdigest()
        self._persons: dict[int, list[tuple[np.ndarray, float]]] = {}
        for number, entry in enumerate(entries):
            image_id, person, score = self._read(entry, f"{path}: entry {number}")
            if score >= confidence:
                self._persons.setdefault(image_id, []).append((person, score))

    @property
    def attributes(self) -> dict:
        """The file and the threshold."""
        return {"results_sha256": self._sha256, "confidence": self.confidence}

    def __call__(self, photographs: np.ndarray, *, image_ids: Sequence[int]) -> TeacherPersons:
        """The persons of the photographs with these ids; of an id that the file does not have, nobody."""
        found = [self._persons.get(int(image_id), []) for image_id in image_ids]
        persons = [np.array([p for p, _ in some], np.float32).reshape(-1, self.joints, 3) for some in found]
        return TeacherPersons(persons, [np.array([score for _, score in some], np.float32) for some in found])

    def _read(self, entry: dict, owner: str) -> tuple[int, np.ndarray, float]:
        try:
            image_id, score = int(entry["image_id"]), float(entry["score"])
            if not isinstance(entry["image_id"], str) and image_id != entry["image_id"]:
                raise ValueError(f"image_id {entry['image_id']} is no whole number")
            joints = np.array(entry["keypoints"], dtype=np.float64).reshape(-1, 3)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise WeightsError(f"{owner} has no usable image_id, keypoints or score ({error})") from None
        if len(joints) != self.joints:
            raise WeightsError(f"{owner} has {len(joints)} joints and the skeleton {self.joints}; name its skeleton")
        if not np.isfinite(joints).all() or not np.isfinite(score):
            raise WeightsError(f"{owner} holds something else than finite numbers; write it again")
        if np.abs(joints[:, :2]).max(initial=0) > _FARTHEST:
            raise WeightsError(f"{owner} has a joint more than {_FARTHEST} pixels away; write it again")
        found = joints[:, 2:] > 0
        person = np.column_stack([joints[:, :2] + 0.5, joints[:, 2].clip(0, 1)]) * found
        return image_id, person, min(max(score, 0.0), 1.0)
