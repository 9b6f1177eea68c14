"""PoseNet: several persons from heatmaps, short-range and mid-range offsets."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from teachers.contract import Surroundings, TeacherPersons
from teachers.errors import WeightsError
from teachers.personlab import TREE, PersonLabConfig, PersonLabMaps, decode
from teachers.registry import register
from teachers.tflite_network import TfliteNetwork


@register("posenet")
class PoseNet:
    """Any PoseNet .tflite without its decoder, run by LiteRT.

    Outputs are known by their channels: K heatmaps, 2 K short-range offsets, and mid-range offsets of the 16 edges of
    PoseNet's tree, there and back, in one output, or in two of which one has bwd in its name. An integer input takes
    0..255, a float one -1..1.

    Args:
        surroundings: joints must be COCO's 17.
        weights: the .tflite file.
        threshold: height of a peak from which a person may begin, 0..1.
        same: pixels of the input within which two joints of a kind are one.
        confidence: persons of a lower score are left out, 0..1.
    """

    needs = ()

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        weights: Path,
        threshold: float = 0.3,
        same: float = 20.0,
        confidence: float = 0.0,
    ):
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence must lie in 0..1, not {confidence}")
        names = {name for edge in TREE for name in edge}
        if set(surroundings.joints) != names:
            raise ValueError(f"name posenet finds COCO's 17 joints, not these {len(surroundings.joints)}")
        self._tree = tuple((surroundings.joints.index(one), surroundings.joints.index(two)) for one, two in TREE)
        self.config, self.confidence = PersonLabConfig(threshold=threshold, same=same), confidence
        self._path, self._network = Path(weights), TfliteNetwork(Path(weights))
        shape = self._network.input_shape
        if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
            raise WeightsError(f"{weights} takes {shape}, not one photograph (1, height, width, 3); name a PoseNet")
        self._names = self._outputs()

    @property
    def attributes(self) -> dict[str, Any]:
        """Weights and settings."""
        return {
            "weights_sha256": self._network.sha256,
            "threshold": self.config.threshold,
            "same": self.config.same,
            "confidence": self.confidence,
        }

    def __call__(self, photographs: np.ndarray) -> TeacherPersons:
        """Persons of each photograph."""
        persons, scores = zip(*(self._look(photograph) for photograph in photographs), strict=True)
        return TeacherPersons(persons, scores)

    def _look(self, photograph: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, height, width, _ = self._network.input_shape
        scale = min(height / photograph.shape[0], width / photograph.shape[1])
        size = [max(1, round(side * scale)) for side in photograph.shape[1::-1]]
        factors = np.array(size) / photograph.shape[1::-1]
        padded = np.full((1, height, width, 3), 128, dtype=np.uint8)
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        padded[0, : size[1], : size[0]] = cv2.resize(photograph, size, interpolation=interpolation)
        values = padded if self._network.takes_integers else padded.astype(np.float32) / 127.5 - 1
        found, scores = decode(self._maps(self._network(values)), self._tree, self.config)
        places = (found[..., 1::-1] + 0.5) / factors
        kept = scores >= self.confidence
        persons = np.concatenate([places, found[..., 2:].clip(0, 1)], axis=-1)[kept]
        return persons.astype(np.float32), scores[kept].clip(0, 1).astype(np.float32)

    def _maps(self, outputs: dict[str, np.ndarray]) -> PersonLabMaps:
        joints, edges = len(self._tree) + 1, len(self._tree)
        logits, short, *mid = (outputs[name][0] for name in self._names)
        height, width = logits.shape[:2]
        offsets = np.concatenate(mid, axis=-1).reshape(height, width, 2, 2, edges)
        stride = (self._network.input_shape[1] - 1) / (height - 1)
        heatmaps = 1 / (1 + np.exp(-logits))
        short = short.reshape(height, width, 2, joints)
        return PersonLabMaps(heatmaps, short, offsets[:, :, 0], offsets[:, :, 1], stride)

    def _outputs(self) -> list[str]:
        """Names of heatmaps, short offsets, and mid offsets from parents to children before those back."""
        joints, edges = len(self._tree) + 1, len(self._tree)
        channels = {name: shape[-1] for name, shape in self._network.output_shapes.items()}
        found = [[name for name in channels if channels[name] == count] for count in (joints, 2 * joints, 4 * edges)]
        apart = sorted((name for name in channels if channels[name] == 2 * edges), key=lambda name: "bwd" in name)
        if len(apart) == 2 and not found[2]:
            found[2] = apart
        if len(found[0]) != 1 or len(found[1]) != 1 or not found[2]:
            shapes = ", ".join(str(shape) for shape in self._network.output_shapes.values())
            raise WeightsError(
                f"{self._path} gives {shapes}, not PoseNet's heatmaps of {joints}, short offsets of {2 * joints} and "
                f"mid offsets of {4 * edges} channels; name a PoseNet without a decoder"
            )
        return [*found[0], *found[1], *found[2]]
