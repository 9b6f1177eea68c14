"""Affine geometry in continuous pixel coordinates: x right, y down, pixel i covers [i, i + 1).

Every resize, letterbox, flip, rotation and crop is one 2x3 float64 matrix that maps a point (x, y) of
its source to (a x + b y + c, d x + e y + f). Matrices compose; pixels are warped once.
"""

import math

import cv2
import numpy as np

PADDING = (124, 116, 104)
"RGB of what a letterbox leaves beside a photograph: the mean colour that normalisation maps to zero."
_LARGEST_STEP = 0.25
"Pixels of a result to a pixel of the image, from which on the image is halved first."


def identity() -> np.ndarray:
    """(2, 3) matrix that moves nothing."""
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def translation(x: float, y: float) -> np.ndarray:
    """(2, 3) matrix that moves by x, y pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y]])


def scaling(factor: float | tuple[float, float]) -> np.ndarray:
    """(2, 3) matrix that scales about the origin, in x and y alike or each by its own factor."""
    across, down = factor if isinstance(factor, tuple) else (factor, factor)
    return np.array([[across, 0.0, 0.0], [0.0, down, 0.0]])


def rotation(degrees: float) -> np.ndarray:
    """(2, 3) matrix that turns clockwise, as seen on the screen, about the origin."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0]])


def flip(width: float) -> np.ndarray:
    """(2, 3) matrix that mirrors a photograph `width` pixels wide from left to right."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0]])


def compose(*matrices: np.ndarray) -> np.ndarray:
    """(2, 3) matrix that applies the given ones from left to right."""
    first, *others = matrices
    composed = np.array(first, dtype=np.float64)
    for matrix in others:
        composed = matrix[:, :2] @ composed
        composed[:, 2] += matrix[:, 2]
    return composed


def invert(matrix: np.ndarray) -> np.ndarray:
    """(2, 3) matrix that undoes `matrix`."""
    return np.linalg.inv(np.vstack([matrix, (0.0, 0.0, 1.0)]))[:2]


def letterbox(source: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """(2, 3) matrix that fits a source of (width, height) centred into a target, aspect kept."""
    factor = min(target[0] / source[0], target[1] / source[1])
    margin = [(t - s * factor) / 2 for s, t in zip(source, target, strict=True)]
    return compose(scaling(factor), translation(*margin))


def transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 2) mapped by the matrix."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def is_mirrored(matrix: np.ndarray) -> bool:
    """Whether the matrix turns left into right."""
    return _determinant(matrix) < 0


def scale_of(matrix: np.ndarray) -> float:
    """How many times as long the matrix makes what it moves, the root of what it does to areas."""
    return math.sqrt(abs(_determinant(matrix)))


def _determinant(matrix: np.ndarray) -> float:
    (a, b, _), (c, d, _) = matrix.tolist()
    return a * d - b * c


def to_opencv(matrix: np.ndarray) -> np.ndarray:
    """The same matrix for OpenCV, whose pixel centres are integers."""
    return compose(translation(0.5, 0.5), matrix, translation(-0.5, -0.5))


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    *,
    fill: int | tuple[int, ...] = 0,
    interpolation: int = cv2.INTER_LINEAR,
) -> np.ndarray:
    """Resample an image (H, W) or (H, W, C); C <= 4 where the fill is not 0.

    Bilinearly, one that is four times as large as is needed, or more, is halved first until it no longer is: between
    the four pixels that are looked at would else lie too many that are not.

    Args:
        matrix: (2, 3), image to result.
        size: (width, height) of the result, pixels.
        fill: value of what lies outside the image.
    """
    value = fill if isinstance(fill, tuple) else (fill,) * 4
    while interpolation == cv2.INTER_LINEAR and 0 < scale_of(matrix) <= _LARGEST_STEP and min(image.shape[:2]) > 1:
        image, matrix = halved(image), compose(scaling(2.0), matrix)
    return cv2.warpAffine(
        image, to_opencv(matrix), size, flags=interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=value
    )


def halved(image: np.ndarray) -> np.ndarray:
    """An image (H, W) or (H, W, C) of half the sides: means of two by two; an odd side's last pixel counts twice."""
    height, width = image.shape[:2]
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
