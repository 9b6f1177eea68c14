"""How heatmap values 0..1 become bytes and come back."""

from dataclasses import dataclass

import cv2
import numpy as np

from cache.errors import StoreError

LEVELS = 255
_BLOCK = 1 << 16  # values worked on at a time, so that the steps in between stay in the processor's cache


@dataclass(frozen=True)
class LinearEncoding:
    """Even steps of 1/255, with a noise floor below which everything becomes 0.

    0 and 1 are exact; a value v at or above the floor is off by at most 1/510, one below it by v.

    Raises:
        StoreError: floor is out of range.
    """

    floor: float = 0.02
    "Values below this become 0, which makes background noise cheap to store; 0 to 1, as in the heatmap."

    kind = "linear"

    def __post_init__(self):
        if not 0 <= self.floor < 1:
            raise StoreError(f"encoding: floor is {self.floor}; it must be at least 0 and below 1")

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Bytes of the same shape as `values` (any shape, float, clamped to 0..1).

        Raises:
            StoreError: a value is not finite.
        """
        values = np.ascontiguousarray(values, dtype=np.float32)
        codes = np.empty(values.shape, dtype=np.uint8)
        source, target = values.reshape(-1), codes.reshape(-1)
        for start in range(0, source.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            self._encode_block(source[block], target[block])
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Values 0..1, float32, of the same shape as `codes`."""
        return np.divide(codes, LEVELS, dtype=np.float32)

    def attributes(self) -> dict:
        """What a reader needs to decode, as JSON values."""
        return {"kind": self.kind, "levels": LEVELS, "floor": self.floor}

    def _encode_block(self, values: np.ndarray, codes: np.ndarray):
        if not np.isfinite(values).all():
            raise StoreError("encoding: the heatmaps hold values that are not finite")
        # Saturates above 1; it makes negative values positive, but those are below any floor.
        cv2.convertScaleAbs(values, codes, alpha=LEVELS)
        codes *= values >= np.float32(self.floor)


def from_attributes(attributes: dict) -> LinearEncoding:
    """The encoding that wrote these attributes.

    Raises:
        StoreError: they describe an encoding that is not known here.
    """
    if attributes.get("kind") != LinearEncoding.kind or attributes.get("levels") != LEVELS:
        raise StoreError(f"encoding: {attributes} is not known to this version; read it with a newer one")
    return LinearEncoding(floor=attributes["floor"])
