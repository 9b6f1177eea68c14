"""How heatmap values 0..1 become bytes and come back."""

from dataclasses import dataclass

import numpy as np

from cache.errors import StoreError

LEVELS = 255


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
        values = np.asarray(values, dtype=np.float32)
        if not np.isfinite(values.sum(dtype=np.float64)):
            raise StoreError("encoding: the heatmaps hold values that are not finite")
        levels = np.clip(values, 0, 1)
        levels *= LEVELS
        np.rint(levels, out=levels)
        codes = levels.astype(np.uint8)
        codes[values < self.floor] = 0
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Values 0..1, float32, of the same shape as `codes`."""
        return np.divide(codes, LEVELS, dtype=np.float32)

    def attributes(self) -> dict:
        """What a reader needs to decode, as JSON values."""
        return {"kind": self.kind, "levels": LEVELS, "floor": self.floor}


def from_attributes(attributes: dict) -> LinearEncoding:
    """The encoding that wrote these attributes.

    Raises:
        StoreError: they describe an encoding that is not known here.
    """
    if attributes.get("kind") != LinearEncoding.kind or attributes.get("levels") != LEVELS:
        raise StoreError(f"encoding: {attributes} is not known to this version; read it with a newer one")
    return LinearEncoding(floor=attributes["floor"])
