"""Drawings over photographs: persons, heatmaps and masks.

Photographs are (H, W, 3) uint8 RGB; every function returns a new image and leaves its input alone.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from distill.pose.skeleton import Skeleton

LEFT = (255, 146, 26)
RIGHT = (40, 170, 255)
CENTRE = (255, 255, 255)
PERSON_COLOURS = (
    *((220, 20, 60), (60, 190, 75), (150, 50, 230), (255, 235, 60), (250, 70, 220)),
    *((110, 70, 20), (0, 120, 110), (170, 255, 60), (30, 30, 30), (250, 190, 210)),
)
MASK_COLOUR = (90, 255, 130)
_SUBPIXEL_BITS = 4
_DENSITY = 2
"Pixels of a drawing to one of a contact sheet."


def draw_persons(
    image: np.ndarray,
    persons: np.ndarray,
    skeleton: Skeleton,
    *,
    threshold: float = 0.1,
    scale: float = 1,
    numbers: Sequence[int] | None = None,
) -> np.ndarray:
    """Draw persons (P, K, 3) = x, y, score on a photograph; returns (H scale, W scale, 3) uint8.

    A limb is a line in the colour of its side (orange left, blue right, white centre), as the person
    sees it, on a wider line in the colour of the person.

    Args:
        persons: x and y in continuous pixels of `image`.
        threshold: joints with a lower score are left out.
        scale: how many times larger the result is than `image`.
        numbers: by which persons keep their colour; by default their places.
    """
    canvas = _enlarged(image, scale)
    numbers = range(len(persons)) if numbers is None else numbers
    width = max(1.0, min(canvas.shape[:2]) / 160)
    sides = _side_colours(skeleton)
    persons = np.asarray(persons, np.float64).reshape(-1, len(skeleton), 3)
    for number, person in zip(numbers, persons, strict=True):
        points = _fixed_point(person[:, :2] * scale)
        seen = (person[:, 2] >= threshold) & np.isfinite(person).all(axis=1)
        limbs = [(a, b) for a, b in skeleton.limb_index if seen[a] and seen[b]]
        person_colour = PERSON_COLOURS[number % len(PERSON_COLOURS)]
        for a, b in limbs:
            _line(canvas, points[a], points[b], person_colour, 3 * width)
        for joint in np.flatnonzero(seen):
            _dot(canvas, points[joint], person_colour, 2.8 * width)
        for a, b in limbs:
            _line(canvas, points[a], points[b], sides[a] if sides[a] == sides[b] else CENTRE, width)
        for joint in np.flatnonzero(seen):
            _dot(canvas, points[joint], sides[joint], 1.6 * width)
    return canvas


def draw_for_sheet(image: np.ndarray, persons: np.ndarray, skeleton: Skeleton, cell: int) -> np.ndarray:
    """`draw_persons`, as large as a contact sheet of this cell shows it or larger, so that its lines stay fine."""
    return draw_persons(image, persons, skeleton, scale=max(1.0, _DENSITY * cell / max(image.shape[:2])))


def draw_heatmaps(image: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Lay heatmaps (K, h, w), 0..1, over a dimmed photograph; returns (H, W, 3) uint8.

    The maps span the same frame as the photograph. The strongest channel of a pixel gives the hue,
    one for each joint, and its value the opacity.
    """
    size = (image.shape[1], image.shape[0])
    stacked = np.ascontiguousarray(np.moveaxis(np.asarray(maps, np.float32), 0, -1))
    maps = cv2.resize(stacked, size, interpolation=cv2.INTER_LINEAR).reshape(size[1], size[0], -1)
    hues = _hues(maps.shape[-1])[maps.argmax(axis=-1)]
    opacity = maps.max(axis=-1, keepdims=True).clip(0, 1)
    return _to_bytes(0.45 * image * (1 - opacity) + hues * opacity)


def draw_mask(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Show a mask (h, w), 0..1, as light on a photograph, with its 0.5 contour; returns (H, W, 3) uint8.

    The mask spans the same frame as the photograph.
    """
    size = (image.shape[1], image.shape[0])
    mask = cv2.resize(np.asarray(mask, np.float32), size, interpolation=cv2.INTER_LINEAR).clip(0, 1)
    tinted = 0.75 * image + 0.25 * np.array(MASK_COLOUR)
    canvas = _to_bytes(0.3 * image * (1 - mask[..., None]) + tinted * mask[..., None])
    outlines, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(canvas, outlines, -1, MASK_COLOUR, max(1, min(size) // 250), cv2.LINE_AA)


def _side_colours(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """Of each joint, by the pairs of the skeleton, whose first is the left one."""
    sides = {joint: colour for pair in skeleton.flip_pairs for joint, colour in zip(pair, (LEFT, RIGHT), strict=True)}
    return [sides.get(joint, CENTRE) for joint in skeleton.joints]


def _enlarged(image: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return np.ascontiguousarray(image).copy()
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)


def _fixed_point(points: np.ndarray) -> np.ndarray:
    """Continuous pixels (..., 2) as OpenCV's fixed-point numbers, whose pixel centres are integers."""
    fixed = np.nan_to_num((points - 0.5) * 2**_SUBPIXEL_BITS).clip(-(2**24), 2**24)
    return np.rint(fixed).astype(int)


def _line(canvas, start, end, colour, width: float) -> None:
    thickness = max(1, round(width))
    cv2.line(canvas, start.tolist(), end.tolist(), colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _dot(canvas, centre, colour, radius: float) -> None:
    fixed = round(radius * 2**_SUBPIXEL_BITS)
    cv2.circle(canvas, centre.tolist(), fixed, colour, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def _hues(count: int) -> np.ndarray:
    """(count, 3) float32 RGB, evenly round the colour circle."""
    hsv = np.full((1, count, 3), 255, np.uint8)
    hsv[0, :, 0] = np.arange(count) * 180 // count
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0].astype(np.float32)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)
