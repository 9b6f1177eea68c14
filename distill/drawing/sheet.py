"""Contact sheets, and pictures as files; images are (H, W, 3) uint8 RGB."""

from pathlib import Path

import cv2
import numpy as np

from distill.system.errors import InputError
from distill.system.files import write_atomically

_PAPER = 250
_INK = (30, 30, 30)


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
    write_atomically(path, encoded.tobytes())


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
