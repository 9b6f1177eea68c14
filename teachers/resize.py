"""How the official test of HigherHRNet brings a photograph to its network's size."""

import numpy as np

_GRAIN = 64
"Sides at the smallest scale are multiples of this, pixels."

_STRIDE = 32
"Sides at every scale are multiples of this, pixels, so that the network's branches meet."


def official_resize(
    photograph: tuple[int, int], input_size: int, scale: float = 1.0, smallest: float = 1.0
) -> tuple[tuple[int, int], np.ndarray]:
    """Size (width, height) of the network's input, and the (2, 3) matrix photograph to input.

    The short side becomes input_size, the aspect is kept, and the long side is padded to a multiple of 64 at
    the smallest scale. The matrix is OpenCV's, whose pixel centres are integers: see `continuous`.

    Args:
        photograph: its width and height, pixels.
        input_size: short side of the input at scale 1, pixels.
        scale: of this input, relative to input_size.
        smallest: smallest of all the scales that are averaged.
    """
    base = (smallest * input_size + _GRAIN - 1) // _GRAIN * _GRAIN
    short = min(photograph)
    sides = [(base / short * side + _GRAIN - 1) // _GRAIN * _GRAIN for side in photograph]
    width, height = (round(side * scale / smallest / _STRIDE) * _STRIDE for side in sides)
    factor = min(width, height) / short
    middle = [int(side / 2 + 0.5) for side in photograph]
    matrix = np.array([[factor, 0.0, width / 2 - factor * middle[0]], [0.0, factor, height / 2 - factor * middle[1]]])
    return (width, height), matrix


def continuous(matrix: np.ndarray) -> np.ndarray:
    """An OpenCV matrix (2, 3) for continuous coordinates, where pixel i covers [i, i + 1)."""
    shift = 0.5 - matrix[:, :2] @ (0.5, 0.5)
    return np.column_stack([matrix[:, :2], matrix[:, 2] + shift])
