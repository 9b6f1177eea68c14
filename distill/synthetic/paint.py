"""Flat shapes and the canvas they are painted on.

The canvas (2H, 2W, 4) uint8 is drawn at twice the size of the picture: three channels of RGB and, in the
same strokes, a fourth that says who is seen there. So the picture, the visibility of the joints and the
visible outlines agree to the pixel.
"""

import math
from functools import lru_cache

import cv2
import numpy as np

from distill.synthetic.appearance import Colour, shade

OVERSAMPLE = 2
NOBODY = 255
_SHIFT = 4
_FACTOR = OVERSAMPLE * 2**_SHIFT
_OFFSET = 0.5 * 2**_SHIFT - 0.5

Layer = tuple[np.ndarray, Colour, float]
"Outline (N, 2) in continuous pixels, colour, and the width in pixels of an open line or 0 for a filled shape."


@lru_cache
def _circle(points: int) -> np.ndarray:
    angle = np.arange(points) * (2 * math.pi / points)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def stroke(canvas: np.ndarray, layer: Layer, identity: int) -> None:
    """Paint one layer; a filled outline must be convex."""
    outline, colour, width = layer
    points = np.rint(outline * _FACTOR - _OFFSET).astype(np.int32)
    if width > 0:
        thickness = max(1, round(width * OVERSAMPLE))
        cv2.polylines(canvas, [points], False, (*colour, identity), thickness, cv2.LINE_8, _SHIFT)
    else:
        cv2.fillConvexPoly(canvas, points, (*colour, identity), cv2.LINE_8, _SHIFT)


def capsules(a: np.ndarray, b: np.ndarray, at_a: np.ndarray, at_b: np.ndarray) -> np.ndarray:
    """Outlines (N, 12, 2) of N rounded bars from points a to b (N, 2) with end radii (N,)."""
    along = b - a
    heading = np.arctan2(along[:, 1], along[:, 0])
    sweep = np.linspace(-math.pi / 2, math.pi / 2, 6)
    far = heading[:, None] + sweep
    near = far + math.pi
    head = b[:, None] + at_b[:, None, None] * np.stack([np.cos(far), np.sin(far)], -1)
    tail = a[:, None] + at_a[:, None, None] * np.stack([np.cos(near), np.sin(near)], -1)
    return np.concatenate([head, tail], 1)


def ellipse(centre: np.ndarray, axes: np.ndarray, points: int = 16) -> np.ndarray:
    """Outline (points, 2) of an ellipsoid: `axes` (3, 3) holds its half axes as columns, camera axes, pixels."""
    spread = axes[:2] @ axes[:2].T
    a, b, d = spread[0, 0], spread[0, 1], spread[1, 1]
    root = math.sqrt(max(a, 1e-9))
    lower = b / root
    factor = np.array([[root, lower], [0.0, math.sqrt(max(d - lower * lower, 1e-9))]])
    return centre + _circle(points) @ factor


def disc(centre: np.ndarray, radius: float, points: int = 10) -> np.ndarray:
    """Outline (points, 2) of a circle."""
    return centre + radius * _circle(points)


def hull(*outlines: np.ndarray) -> np.ndarray:
    """Convex hull (N, 2) of several outlines."""
    return cv2.convexHull(np.concatenate(outlines).astype(np.float32))[:, 0]


def rounded(outline: np.ndarray, colour: Colour, light: tuple[float, float], share: float = 0.22) -> list[Layer]:
    """A filled convex outline with a darker rim away from the light.

    Args:
        light: direction towards the light, x and y, at most of length 1.
        share: width of the rim as a share of the half width.
    """
    centre = outline.mean(0)
    inner = centre + (outline - centre) * (1 - share)
    reach = share * 0.5 * np.ptp(outline, axis=0)
    inner = inner + reach * light
    return [(outline, shade(colour, 0.76), 0.0), (inner, colour, 0.0)]
