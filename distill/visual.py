"""Drawings: persons, heatmaps and masks over photographs, and contact sheets of them.

Photographs are (H, W, 3) uint8 RGB; every function returns a new image and leaves its input alone.
"""

import os
from pathlib import Path

import cv2
import numpy as np

from distill.errors import InputError
from distill.skeleton import Skeleton

LEFT = (255, 146, 26)
RIGHT = (40, 170, 255)
CENTRE = (255, 255, 255)
PERSON_COLOURS = (
    *((220, 20, 60), (60, 190, 75), (150, 50, 230), (255, 235, 60), (250, 70, 220)),
    *((110, 70, 20), (0, 120, 110), (170, 255, 60), (30, 30, 30), (250, 190, 210)),
)
MASK_COLOUR = (90, 255, 130)

_SUBPIXEL_BITS = 4
_PAPER = 250
_INK = (30, 30, 30)


def draw_persons(
    image: np.ndarray, persons: np.ndarray, skeleton: Skeleton, *, threshold: float = 0.1, scale: float = 1
) -> np.ndarray:
    """Draw persons (P, K, 3) = x, y, score on a photograph; returns (H scale, W scale, 3) uint8.

    A limb is a line in the colour of its side (orange left, blue right, white centre), as the person
    sees it, on a wider line in the colour of the person.

    Args:
        persons: x and y in continuous pixels of `image`.
        threshold: joints with a lower score are left out.
        scale: how many times larger the result is than `image`.
    """
    canvas = _enlarged(image, scale)
    width = max(1.0, min(canvas.shape[:2]) / 160)
    sides = [_side_colour(name) for name in skeleton.joints]
    for number, person in enumerate(np.asarray(persons, np.float64).reshape(-1, len(skeleton), 3)):
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


def contact_sheet(rows: list[list[np.ndarray]], titles: list[str], cell: int = 192) -> np.ndarray:
    """Table of images with a title above each column; returns (height, width, 3) uint8.

    Args:
        rows: images of any size; each is fitted, aspect kept, into a square, and a row is as high as its
            highest image. A row may end early.
        titles: one for each column; no room is left for them when all are empty.
        cell: side of a square, pixels.

    Raises:
        InputError: a row has more images than there are titles.
    """
    if (longest := max((len(row) for row in rows), default=0)) > len(titles):
        raise InputError(f"rows: {longest} images in a row but {len(titles)} titles")
    gutter = max(2, cell // 48)
    head = max(16, cell // 8) if any(titles) else gutter
    fitted = [[_fit(image, cell) for image in row] for row in rows]
    heights = [max((image.shape[0] for image in row), default=0) + gutter for row in fitted]
    size = (head + sum(heights), gutter + len(titles) * (cell + gutter), 3)
    sheet = np.full(size, _PAPER, np.uint8)
    for column, title in enumerate(titles if any(titles) else ()):
        _write_title(sheet, title, (gutter + column * (cell + gutter), 0), (cell, head))
    top = head
    for row, height in zip(fitted, heights, strict=True):
        for column, image in enumerate(row):
            h, w = image.shape[:2]
            y = top + (height - gutter - h) // 2
            x = gutter + column * (cell + gutter) + (cell - w) // 2
            sheet[y : y + h, x : x + w] = image
        top += height
    return sheet


def write_image(path: Path | str, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as the suffix says (.png, .jpg); the file appears whole or not at all.

    Raises:
        InputError: the suffix is no image format.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"{path}: an image is written as .png or .jpg")
    _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(encoded.tobytes())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _side_colour(joint: str) -> tuple[int, int, int]:
    return LEFT if joint.startswith("left") else RIGHT if joint.startswith("right") else CENTRE


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


def _fit(image: np.ndarray, cell: int) -> np.ndarray:
    factor = cell / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def _write_title(sheet: np.ndarray, title: str, corner: tuple[int, int], room: tuple[int, int]) -> None:
    """Write a title centred into a room of (width, height) pixels, small enough to fit."""
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, room[1] // 20)
    (width, height), _ = cv2.getTextSize(title, font, 1.0, thickness)
    size = min(0.55 * room[1] / height, 0.95 * room[0] / max(width, 1))
    (width, height), _ = cv2.getTextSize(title, font, size, thickness)
    origin = (corner[0] + (room[0] - width) // 2, corner[1] + (room[1] + height) // 2)
    cv2.putText(sheet, title, origin, font, size, _INK, thickness, cv2.LINE_AA)
