"""Peaks as fixed-point rows: how they are packed into the array `peak` and come back."""

from collections.abc import Sequence

import numpy as np

from cache.errors import StoreError

COLUMNS = ("joint", "x", "y", "confidence", "width")
"What a row holds: x, y and width in pixels of the photograph, confidence 0..1."
_LARGEST = 32767
_LEVELS = np.array([1, _LARGEST, _LARGEST, 1023, _LARGEST], dtype=np.float64)
"Codes of 1, for each column; fewer for the confidence, so that it takes fewer bytes."
_LENGTHS = np.array([False, True, True, False, True])
"Columns that are stored as parts of the photograph's long side."
_LOWEST = np.array([0, 0, 0, 1, 0])
_HIGHEST = np.array([_LARGEST, _LARGEST, _LARGEST, 1023, _LARGEST])


def attributes() -> dict:
    """What a reader needs to decode the array, as JSON values."""
    return {
        "columns": list(COLUMNS),
        "levels": _LEVELS.astype(int).tolist(),
        "relative_to_long_side": [name for name, is_length in zip(COLUMNS, _LENGTHS, strict=True) if is_length],
        "decode": "code / level; where relative, times the longer of image_size; rows of confidence 0 are unused",
    }


def check_attributes(found: object):
    """Refuse a description of peaks that is not the one here.

    Raises:
        StoreError: it is another one.
    """
    if found != attributes():
        raise StoreError(f"peak: {found} is not known to this version; read it with a newer one")


def pack(peaks: Sequence[np.ndarray], long_sides: Sequence[float], rows: int) -> np.ndarray:
    """Codes (n, rows, 5) uint16 of n images' peaks, ordered by joint and then from the highest; unused rows zero.

    Args:
        peaks: n arrays (M, 5) of `COLUMNS`; where M exceeds `rows` the highest are kept. What lies outside of the
            photograph is moved to its border, and none is lower than one level.
        long_sides: of the n photographs, pixels.

    Raises:
        StoreError: a value is not finite.
    """
    codes = np.zeros((len(peaks), rows, len(COLUMNS)), dtype=np.uint16)
    for packed, some, side in zip(codes, peaks, long_sides, strict=True):
        some = np.asarray(some, dtype=np.float64).reshape(-1, len(COLUMNS))
        if not np.isfinite(some).all():
            raise StoreError("peak: the peaks hold values that are not finite")
        some = some[np.argsort(-some[:, 3], kind="stable")[:rows]]
        some = some[np.argsort(some[:, 0], kind="stable")]
        scaled = np.rint(some / np.where(_LENGTHS, side, 1) * _LEVELS)
        packed[: len(some)] = np.clip(scaled, _LOWEST, _HIGHEST)
    return codes


def unpack(codes: np.ndarray, long_side: float) -> np.ndarray:
    """Peaks (M, 5) float32 of `COLUMNS` of one image from its codes (rows, 5).

    Args:
        long_side: of the photograph, pixels.
    """
    used = codes[codes[:, 3] > 0]
    return (used / _LEVELS * np.where(_LENGTHS, long_side, 1)).astype(np.float32)
