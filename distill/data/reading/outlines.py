"""Outlines of persons: COCO's polygons and run-lengths, checked before pycocotools draws them."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from pycocotools import mask as rle

from distill.data.annotations import PackedValues

FARTHEST = 100_000
"Pixels from the corner that a point of an outline may be; pycocotools fills memory with what is far away."


def usable_outline(segmentation: object, width: int, height: int) -> list | dict | None:
    """What can be drawn of a person's outline on an image of that size; None where nothing is known.

    Rings of fewer than three points are left out.

    Args:
        segmentation: polygons (lists of x, y, x, y, ... or of points), run-lengths (COCO's `size` and `counts`), or
            empty.

    Raises:
        ValueError: it is neither, or its points or runs do not fit the image; the message says why.
    """
    if segmentation is None or segmentation in ([], {}, ""):
        return None
    if isinstance(segmentation, list):
        rings = segmentation if isinstance(segmentation[0], list) and not _is_points(segmentation) else [segmentation]
        return [ring for ring in map(_flat, rings) if _is_ring(ring)] or None
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise ValueError("neither polygons nor run-lengths with size and counts")
    if segmentation["size"] != [height, width]:
        raise ValueError("of another size than its image")
    counts = segmentation["counts"]
    runs = _unpacked(counts).tolist() if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError("whose run-lengths are no whole numbers")
    if sum(runs) != width * height:
        raise ValueError("whose run-lengths do not fill the image")
    return {"size": [height, width], "counts": counts}


def drawn(outline: list | dict, width: int, height: int, reduction: int = 1) -> np.ndarray:
    """Mask (H, W) bool of an outline that `usable_outline` gave, reduced as `distill.data.photographs.reduced` says."""
    columns, rows = -(-width // reduction), -(-height // reduction)
    if isinstance(outline, list):
        if reduction > 1:
            outline = [[value / reduction for value in ring] for ring in outline]
        return rle.decode(_encoded(outline, columns, rows)).astype(bool)
    mask = rle.decode(_encoded(outline, width, height)).astype(bool)
    middle = (
        np.minimum(np.arange(n) * reduction + reduction // 2, m - 1) for n, m in ((rows, height), (columns, width))
    )
    return mask[np.ix_(*middle)] if reduction > 1 else mask


def area_and_box(outline: list | dict, width: int, height: int) -> tuple[float, list[float]]:
    """Square pixels inside a usable outline, and the box around it: x, y, width, height."""
    encoded = _encoded(outline, width, height)
    return float(rle.area(encoded)), rle.toBbox(encoded).tolist()


class PackedOutlines(Sequence):
    """Usable outlines, None among them, in a few arrays that all loader workers share; see `PackedValues`.

    Args:
        outlines: as `usable_outline` gives them.
    """

    def __init__(self, outlines: Sequence[list | dict | None]):
        rings, ring_counts, runs = [], [], []
        for outline in outlines:
            polygons = outline if isinstance(outline, list) else []
            rings += polygons
            ring_counts.append(len(polygons))
            runs.append(outline if isinstance(outline, dict) else None)
        self._rings = np.concatenate([[0], np.cumsum(ring_counts, dtype=np.int64)])
        self._points = np.concatenate([[0], np.cumsum([len(ring) for ring in rings], dtype=np.int64)])
        self._values = np.fromiter((value for ring in rings for value in ring), np.float64, self._points[-1])
        self._runs = PackedValues(runs)

    def __len__(self) -> int:
        return len(self._rings) - 1

    def __getitem__(self, number: int) -> list | dict | None:
        number = range(len(self))[number]
        first, last = self._rings[number : number + 2].tolist()
        if first == last:
            return self._runs[number]
        ends = self._points[first : last + 1].tolist()
        return [self._values[start:end].tolist() for start, end in pairwise(ends)]

    def arrays(self) -> dict[str, np.ndarray]:
        """All that it holds, by name; `from_arrays` takes it."""
        runs = self._runs.arrays()
        return {"rings": self._rings, "points": self._points, "values": self._values} | {
            f"runs.{name}": values for name, values in runs.items()
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "PackedOutlines":
        """The outlines that `arrays` gave."""
        packed = cls([])
        packed._rings, packed._points, packed._values = (arrays[name] for name in ("rings", "points", "values"))
        packed._runs = PackedValues.from_arrays({"packed": arrays["runs.packed"], "ends": arrays["runs.ends"]})
        return packed


def _encoded(outline: list | dict, width: int, height: int) -> dict:
    if isinstance(outline, list):
        return rle.merge(rle.frPyObjects(outline, height, width))
    return rle.frPyObjects(outline, height, width) if isinstance(outline["counts"], list) else outline


def _flat(ring: object) -> object:
    """A ring whose points stand in lists of their own as one list of numbers."""
    return [value for point in ring for value in point] if _is_points(ring) else ring


def _is_points(ring: object) -> bool:
    """Whether it is a list of three points or more, each a list of two."""
    return isinstance(ring, list) and len(ring) > 2 and all(isinstance(p, list) and len(p) == 2 for p in ring)


def _is_ring(ring: object) -> bool:
    """Whether it has an area to fill.

    Raises:
        ValueError: it is no list of pairs of numbers near the image.
    """
    if not isinstance(ring, list):
        raise ValueError("that is no list of points")
    if not {*map(type, ring)} <= {int, float}:
        raise ValueError("with a point that is no number")
    if ring and not (min(ring) >= -FARTHEST and max(ring) <= FARTHEST and not math.isnan(sum(ring))):
        raise ValueError("with a point that is no number or far from the image")
    if len(ring) % 2:
        raise ValueError("with an odd number of coordinates")
    return len(ring) >= 6


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
