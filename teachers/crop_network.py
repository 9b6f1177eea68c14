"""Networks that find one person in a crop, as ONNX files of the kinds that people have."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

from teachers.errors import WeightsError
from teachers.movenet_multipose import JOINTS
from teachers.onnx_network import OnnxNetwork

THUNDER_MARGIN = 1.5
"Of the extent of a person's joints that MoveNet's crops are wide."


@dataclass(frozen=True)
class CropDescription:
    """What a YAML beside the network, of the same name, says of it."""

    output: str
    "heatmaps, simcc (two vectors a joint), coordinates (x, y, score in 0..1 of the input) or movenet (y, x, score)."
    input_size: tuple[int, int]
    "Width and height of its input, pixels."
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    "Subtracted from R, G and B of 0..255."
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    "Divides them then."
    channels: str = "rgb"
    "rgb or bgr."
    layout: str = "nchw"
    "nchw or nhwc."
    margin: float = 1.25
    "Of the person's extent that the crop is wide or high."
    split_ratio: float = 2.0
    "Entries of a SimCC vector for each pixel of the input."
    joints: tuple[str, ...] = JOINTS
    "What its channels show; COCO's 17 by default."

    def __post_init__(self):
        for name, known in (("output", tuple(DECODERS)), ("channels", ("rgb", "bgr")), ("layout", ("nchw", "nhwc"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be {', '.join(known)}, not {getattr(self, name)!r}")
        for name, count, kind in (("input_size", 2, int), ("mean", 3, float), ("std", 3, float)):
            value = getattr(self, name)
            if not isinstance(value, tuple) or len(value) != count or not all(_is_number(v, kind) for v in value):
                raise ValueError(f"{name} must be {count} {_NUMBERS[kind]}, not {value!r}")
        for name in ("margin", "split_ratio"):
            if not _is_number(getattr(self, name), float):
                raise ValueError(f"{name} must be a number, not {getattr(self, name)!r}")
        if min(self.input_size) < 1 or not all(self.std) or not self.margin > 0 or not self.split_ratio > 0:
            raise ValueError("input_size, std, margin and split_ratio must be above 0")
        if not isinstance(self.joints, tuple) or not self.joints or not all(isinstance(j, str) for j in self.joints):
            raise ValueError(f"joints must be a list of names, not {self.joints!r}")

    @classmethod
    def read(cls, path: Path) -> "CropDescription":
        """That in a YAML file.

        Raises:
            WeightsError: it is missing or no YAML, or a field is unknown, missing or wrong.
        """
        try:
            values = yaml.safe_load(path.read_bytes())
        except OSError:
            raise WeightsError(
                f"{path} is missing; write there what the network beside it takes and gives: {_FIELDS}"
            ) from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise WeightsError(f"{path} is no YAML ({' '.join(str(error).split()):.100})") from None
        if not isinstance(values, dict) or not values.keys() <= {field.name for field in fields(cls)}:
            raise WeightsError(f"{path} must be a mapping with {_FIELDS}")
        try:
            return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
        except (TypeError, ValueError) as error:
            raise WeightsError(f"{path}: {error}") from None


_NUMBERS = {int: "whole numbers", float: "numbers"}


def _is_number(value: object, kind: type) -> bool:
    return isinstance(value, (int, kind)) and not isinstance(value, bool) and math.isfinite(value)


class CropNetwork:
    """Finds the joints of the person in the middle of a part of a photograph.

    Args:
        path: of the .onnx file; MoveNet Thunder and Lightning are known where no YAML lies beside it, as any other has.

    Raises:
        WeightsError: file or YAML cannot be used.
    """

    def __init__(self, path: Path, device: torch.device):
        self._network = OnnxNetwork(path, device)
        _, shape, kind = self._network.inputs[0]
        beside = path.with_suffix(".yaml")
        is_movenet = (
            kind == "tensor(int32)" and len(shape) == 4 and self._network.outputs[0][1] == (1, 1, len(JOINTS), 3)
        )
        if is_movenet and not beside.exists():
            size = (int(shape[2]), int(shape[1]))
            self.description = CropDescription("movenet", size, layout="nhwc", margin=THUNDER_MARGIN)
        else:
            self.description = CropDescription.read(beside)
        self._dtype = _TYPES.get(kind, np.float32)
        self.sha256 = self._network.sha256

    def __call__(self, photograph: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Joints (K, 3) x, y, score in photograph pixels of the person between two corners (2,).

        Raises:
            WeightsError: what the network gives is not what its description says.
        """
        description = self.description
        matrix = _crop(low, high, description)
        shift = matrix[:, :2] @ (0.5, 0.5) - 0.5
        of_centres = np.column_stack([matrix[:, :2], matrix[:, 2] + shift])
        crop = cv2.warpAffine(photograph, of_centres, description.input_size, flags=cv2.INTER_LINEAR)
        try:
            found = DECODERS[description.output](self._network(self._values(crop)), description)
        except (ValueError, IndexError) as error:
            raise WeightsError(f"what the network gives is no {description.output}: {error}") from None
        if found.shape != (len(description.joints), 3):
            raise WeightsError(
                f"the network finds {len(found)} joints, and its description names {len(description.joints)}"
            )
        points = (found[:, :2] - matrix[:, 2]) / matrix[0, 0]
        return np.column_stack([points, found[:, 2].clip(0, 1)])

    def _values(self, crop: np.ndarray) -> np.ndarray:
        description = self.description
        values = (crop.astype(np.float32) - description.mean) / np.array(description.std, dtype=np.float32)
        values = values[..., ::-1] if description.channels == "bgr" else values
        values = values.transpose(2, 0, 1) if description.layout == "nchw" else values
        return np.ascontiguousarray(values[None], dtype=self._dtype)


def _crop(low: np.ndarray, high: np.ndarray, description: CropDescription) -> np.ndarray:
    """Matrix (2, 3), photograph to input, that puts what lies between two corners into the middle."""
    width, height = description.input_size
    extent = np.maximum(high - low, 1.0) * description.margin
    factor = min(width / extent[0], height / extent[1])
    middle = (low + high) / 2
    return np.array([[factor, 0.0, width / 2 - factor * middle[0]], [0.0, factor, height / 2 - factor * middle[1]]])


def _movenet(outputs: list[np.ndarray], description: CropDescription) -> np.ndarray:
    joints = outputs[0].reshape(-1, 3).astype(np.float64)
    return np.column_stack([joints[:, [1, 0]] * description.input_size + 0.5, joints[:, 2]])


def _coordinates(outputs: list[np.ndarray], description: CropDescription) -> np.ndarray:
    joints = outputs[0].reshape(outputs[0].shape[-2:]).astype(np.float64)
    scores = joints[:, 2] if joints.shape[1] > 2 else np.ones(len(joints))
    return np.column_stack([joints[:, :2] * description.input_size, scores])


def _heatmaps(outputs: list[np.ndarray], description: CropDescription) -> np.ndarray:
    """Highest cells, moved a quarter towards their higher neighbours (Newell et al., ECCV 2016)."""
    (maps,) = outputs[0].astype(np.float64)
    count, height, width = maps.shape
    best = maps.reshape(count, -1).argmax(axis=1)
    row, column = np.divmod(best, width)
    padded, joint = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge"), np.arange(count)
    across = padded[joint, row + 1, column + 2] - padded[joint, row + 1, column]
    down = padded[joint, row + 2, column + 1] - padded[joint, row, column + 1]
    cells = np.stack([column + 0.25 * np.sign(across), row + 0.25 * np.sign(down)], axis=1) + 0.5
    stride = np.array(description.input_size) / (width, height)
    return np.column_stack([cells * stride, maps[joint, row, column]])


def _simcc(outputs: list[np.ndarray], description: CropDescription) -> np.ndarray:
    """Highest entries of the vectors of x and of y (Li et al., ECCV 2022)."""
    (across,), (down,) = outputs[0].astype(np.float64), outputs[1].astype(np.float64)
    points = np.stack([across.argmax(axis=1), down.argmax(axis=1)], axis=1) / description.split_ratio + 0.5
    return np.column_stack([points, np.minimum(across.max(axis=1), down.max(axis=1))])


DECODERS: dict[str, Callable[[list[np.ndarray], CropDescription], np.ndarray]] = {
    "heatmaps": _heatmaps,
    "simcc": _simcc,
    "coordinates": _coordinates,
    "movenet": _movenet,
}
"From a network's outputs to joints (K, 3) x, y, score in pixels of its input, by the description's word."
_TYPES: dict[str, type] = {"tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}
_FIELDS = ", ".join(field.name for field in fields(CropDescription))
