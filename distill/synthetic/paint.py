"""Flat shapes and the canvas they are painted on.

The canvas (2H, 2W, 4) uint8 is drawn at twice the size of the picture: three channels of RGB and, in the
same strokes, a fourth that says who is seen there. So the picture, the visibility of the joints and the
visible outlines agree to the pixel.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from distill.synthetic.appearance import Colour, shade

OVERSAMPLE = 2
NOBODY = 255
RIM_SHADE = 0.8
_SHIFT = 4
_FACTOR = OVERSAMPLE * 2**_SHIFT
_OFFSET = 0.5 * 2**_SHIFT - 0.5
_SWEEP = np.linspace(-math.pi / 2, math.pi / 2, 6)
_SWEEPS = np.concatenate([_SWEEP, _SWEEP + math.pi])

Light = tuple[float, float]
"Direction towards the light in the picture, x and y, at most of length 1."


class Layer(NamedTuple):
    """One shape of one colour."""

    outline: np.ndarray
    "(N, 2) continuous pixels; convex if it is filled."
    colour: Colour
    width: float = 0.0
    "Width of an open line, pixels; 0 fills the outline."
    rim: float = 0.0
    "Width of the darker rim away from the light, as a share of the half width."


def paint(canvas: np.ndarray, layers: Sequence[Layer], identities: Sequence[int] | int, light: Light) -> None:
    """Paint layers one over the other, marking each as the part of somebody.

    Args:
        canvas: (2H, 2W, 4) uint8, changed in place.
        identities: what the fourth channel shall say, for all layers or for each.
        light: where the light comes from.
    """
    if not layers:
        return
    if isinstance(identities, int):
        identities = [identities] * len(layers)
    lengths = [len(layer.outline) for layer in layers]
    stops = np.cumsum(lengths)
    starts = stops - lengths
    flat = np.concatenate([layer.outline for layer in layers])
    outer = _fixed_point(flat)
    inner = _fixed_point(_without_rims(flat, starts, lengths, [layer.rim for layer in layers], light))
    spans = zip(layers, identities, starts.tolist(), stops.tolist(), strict=True)
    for (_, colour, width, rim), identity, start, stop in spans:
        points = outer[start:stop]
        if width > 0:
            thickness = max(1, round(width * OVERSAMPLE))
            cv2.polylines(canvas, [points], False, (*colour, identity), thickness, cv2.LINE_8, _SHIFT)
            continue
        if rim > 0:
            cv2.fillConvexPoly(canvas, points, (*shade(colour, RIM_SHADE), identity), cv2.LINE_8, _SHIFT)
            points = inner[start:stop]
        cv2.fillConvexPoly(canvas, points, (*colour, identity), cv2.LINE_8, _SHIFT)


def _fixed_point(points: np.ndarray) -> np.ndarray:
    return np.rint(points * _FACTOR - _OFFSET).astype(np.int32)


def _without_rims(flat: np.ndarray, starts: np.ndarray, lengths: list[int], rims: list[float], light) -> np.ndarray:
    """Outlines, one after the other in `flat` (N, 2), shrunk by their rims and moved to the light."""
    low, high = np.minimum.reduceat(flat, starts), np.maximum.reduceat(flat, starts)
    share = np.array(rims)[:, None]
    move = share * ((low + high) / 2 + (high - low) * (0.5 * np.array(light)))
    return flat * np.repeat(1 - share, lengths, axis=0) + np.repeat(move, lengths, axis=0)


@lru_cache
def _circle(points: int) -> np.ndarray:
    angle = np.arange(points) * (2 * math.pi / points)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def capsules(a: np.ndarray, b: np.ndarray, at_a: np.ndarray, at_b: np.ndarray) -> np.ndarray:
    """Outlines (N, 12, 2) of N rounded bars from points a to b (N, 2) with end radii (N,)."""
    along = b - a
    angles = np.arctan2(along[:, 1], along[:, 0])[:, None] + _SWEEPS
    outlines = np.empty((len(a), 12, 2))
    np.cos(angles, out=outlines[:, :, 0])
    np.sin(angles, out=outlines[:, :, 1])
    outlines[:, :6] *= at_b[:, None, None]
    outlines[:, 6:] *= at_a[:, None, None]
    outlines[:, :6] += b[:, None]
    outlines[:, 6:] += a[:, None]
    return outlines


def ellipse(centre: np.ndarray, axes: np.ndarray, points: int = 16) -> np.ndarray:
    """Outline (points, 2) of an ellipsoid: `axes` (3, 3) holds its half axes as columns, camera axes, pixels."""
    (a, b), (_, d) = (axes[:2] @ axes[:2].T).tolist()
    root = math.sqrt(max(a, 1e-9))
    lower = b / root
    factor = np.array([[root, lower], [0.0, math.sqrt(max(d - lower * lower, 1e-9))]])
    return centre + _circle(points) @ factor


def disc(centre: np.ndarray, radius: float | tuple[float, float], points: int = 10) -> np.ndarray:
    """Outline (points, 2) of a circle, or of an upright ellipse of radii x and y."""
    return centre + np.multiply(_circle(points), radius)


def hull(*outlines: np.ndarray) -> np.ndarray:
    """Convex hull (N, 2) of several outlines."""
    return cv2.convexHull(np.concatenate(outlines).astype(np.float32))[:, 0]


def inset(outlines: Sequence[np.ndarray], light: Light, share: float) -> list[np.ndarray]:
    """Outlines (N, 2) without a rim of that share of their half width."""
    lengths = [len(outline) for outline in outlines]
    stops = np.cumsum(lengths)
    inner = _without_rims(np.concatenate(outlines), stops - lengths, lengths, [share] * len(lengths), light)
    return [inner[stop - length : stop] for stop, length in zip(stops, lengths, strict=True)]
