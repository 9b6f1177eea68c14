"""Outlines of persons: COCO's polygons and run-lengths, checked before pycocotools draws them."""

import numpy as np
from pycocotools import mask as rle

FARTHEST = 100_000
"Pixels from the corner that a point of an outline may be; pycocotools fills memory with what is far away."


def usable_outline(segmentation: object, width: int, height: int) -> list | dict | None:
    """What can be drawn of a person's outline on an image of that size; None where nothing is known.

    Rings of fewer than three points are left out.

    Args:
        segmentation: polygons (lists of x, y, x, y, ...), run-lengths (COCO's `size` and `counts`), or empty.

    Raises:
        ValueError: it is neither, or its points or runs do not fit the image; the message says why.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        rings = segmentation if isinstance(segmentation[0], list) else [segmentation]
        return [ring for ring in rings if _is_ring(ring)] or None
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise ValueError("neither polygons nor run-lengths with size and counts")
    if segmentation["size"] != [height, width]:
        size = segmentation["size"]
        shown = f"{size[1]} x {size[0]}" if isinstance(size, list) and len(size) == 2 else repr(size)
        raise ValueError(f"of {shown} on an image of {width} x {height} pixels")
    counts = segmentation["counts"]
    runs = _unpacked(counts).tolist() if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(isinstance(run, int) and run >= 0 for run in runs):
        raise ValueError("whose run-lengths are no whole numbers")
    if sum(runs) != width * height:
        raise ValueError(f"whose run-lengths fill {sum(runs)} of {width * height} pixels")
    return segmentation


def drawn(outline: list | dict, width: int, height: int) -> np.ndarray:
    """Mask (H, W) bool of an outline that `usable_outline` gave."""
    if isinstance(outline, list):
        encoded = rle.merge(rle.frPyObjects(outline, height, width))
    elif isinstance(outline["counts"], list):
        encoded = rle.frPyObjects(outline, height, width)
    else:
        encoded = outline
    return rle.decode(encoded).astype(bool)


def _is_ring(ring: object) -> bool:
    """Whether there are at least three points; what is no point raises ValueError."""
    try:
        points = np.array(ring, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("with points that are no numbers") from None
    if points.ndim != 1 or len(points) % 2:
        raise ValueError("with a polygon that is no list of x, y, x, y, ...")
    if not (np.abs(points) <= FARTHEST).all():
        raise ValueError(f"with a point that is no number or more than {FARTHEST} pixels away")
    return len(points) >= 6


def _unpacked(counts: str) -> np.ndarray:
    """Run-lengths (R,) int64 of COCO's compressed text: five bits a letter, runs from the fourth on as differences."""
    letters = np.frombuffer(counts.encode(), dtype=np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero((letters & 32) == 0)
    if not len(ends) or ends[-1] != len(letters) - 1 or letters.min() < 0 or letters.max() > 63:
        raise ValueError("whose compressed run-lengths are cut or hold other letters")
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(letters)) - np.repeat(starts, ends - starts + 1)
    if places.max() > 7:
        raise ValueError("with a run-length that is no size of a photograph")
    values = np.add.reduceat((letters & 31) << (5 * places), starts)
    values -= np.where(letters[ends] & 16, 1 << (5 * (ends - starts + 1)), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
