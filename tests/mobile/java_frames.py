"""Pictures of a camera as Android hands them out; part of `java_cases.py`."""

import numpy as np


def planes_of(luma: np.ndarray, u: np.ndarray, v: np.ndarray, layout: str) -> list[tuple[np.ndarray, int, int]]:
    """Y, U and V as Android hands them out: samples, and bytes from row to row and from pixel to pixel."""
    bright, row = _rows(luma, 10)
    if layout == "planar":
        return [(bright, row, 1), *((*_rows(plane, 7), 1) for plane in (u, v))]
    pair = (u, v) if layout == "nv12" else (v, u)
    pairs, pair_row = _rows(np.stack(pair, axis=2).reshape(len(u), -1), 12)
    first, second = (pairs[:-1], pair_row, 2), (pairs[1:], pair_row, 2)
    return [(bright, row, 1), *((first, second) if layout == "nv12" else (second, first))]


def _rows(plane: np.ndarray, padding: int) -> tuple[np.ndarray, int]:
    """Rows one after another, each but the last followed by bytes that mean nothing; and bytes from row to row."""
    padded = np.pad(plane, ((0, 0), (0, padding)), constant_values=99)
    return padded.ravel()[: padded.size - padding], padded.shape[1]
