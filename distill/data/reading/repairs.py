"""From what a file says of persons to annotations that can be relied on: repaired where that is safe, and told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distill.data.annotations import Annotations
from distill.data.reading.findings import Findings
from distill.data.reading.outlines import PackedOutlines, area_and_box

SMALLEST_AREA = 9
"Square pixels below which nobody has labelled joints."
SMALLEST_SHARE, LARGEST_SHARE = 0.002, 1.5
"Of its box that a person's area may be."
FARTHEST, SMALLEST_SIDE = 1e6, 0.01
"Pixels between which the numbers of a box can lie, and that its sides must have."
SMALLEST_BOX = 0.05
"Of the area that its joints span that a person's box may be."
MARGIN = 0.1
"Of the extent of its joints that a box made from them has more on each side."


@dataclass
class RawPersons:
    """What a file says of N persons, in the order of their photographs, before it is checked."""

    ids: np.ndarray
    "(N,) int64."
    image_ids: np.ndarray
    "(N,) int64, ascending."
    keypoints: np.ndarray
    "(N, K, 3) float64 x, y, visibility as they stand in the file; not a number where the file has none."
    boxes: np.ndarray
    "(N, 4) float64 x, y, width, height; not a number where the file has none."
    areas: np.ndarray
    "(N,) float64, square pixels; not a number where the file has none."
    is_crowd: np.ndarray
    "(N,) bool."
    outlines: Sequence[list | dict | None]
    "(N,) as `distill.data.reading.outlines.usable_outline` gives them."
    owners: Sequence[str] | None = None
    "(N,) what messages call them; by default by their ids."
    pixel_centre: float = 0.5
    "What is added to x and y of a joint: 0.5 where they are indices of pixels, 0 where they are continuous."


def repaired(raw: RawPersons, sizes: np.ndarray, findings: Findings) -> Annotations:
    """Annotations without anything that would turn into a wrong figure.

    Joints that are no numbers, lie at the origin or far outside count as unlabelled; coordinates 0..1 are scaled to
    pixels; boxes of no use are taken from the outline, then from the joints, areas of no use from the outline, then
    from the box. What cannot be placed at all, or says of a person what another annotation says, is left out.

    Args:
        raw: is changed.
        sizes: (N, 2) width and height of the photograph of each.
        findings: gets what was repaired and left out.
    """
    owners = raw.owners or _Owners(raw)
    _scale_fractions(raw, sizes, findings, owners)
    keypoints = _joints(raw, sizes, findings, owners)
    boxes = _boxes(raw, keypoints, sizes, findings, owners)
    areas = _areas(raw, keypoints, boxes, sizes, findings, owners)
    placed = np.isfinite(boxes).all(axis=1)
    findings.add_where("annotations without joints, box and outline are left out", ~placed, owners)
    twice = _twice(raw, keypoints, boxes)
    findings.add_where("persons who are annotated twice in the same words are left out once", twice, owners)
    kept = placed & ~twice
    keypoints[..., :2] += raw.pixel_centre * (keypoints[..., 2:] > 0)
    return Annotations(
        ids=raw.ids[kept],
        image_ids=raw.image_ids[kept],
        boxes=boxes[kept],
        keypoints=keypoints[kept].astype(np.float32),
        is_crowd=raw.is_crowd[kept],
        areas=areas[kept],
        outlines=PackedOutlines([raw.outlines[row] for row in np.flatnonzero(kept)]),
    )


def box_around(keypoints: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) x, y, width, height with some `MARGIN` around the labelled joints of (N, K, 3); NaN without any."""
    low, high = _extent(keypoints)
    margin = MARGIN * (high - low)
    return np.hstack([low - margin, np.maximum(high - low + 2 * margin, 1)])


class _Owners(Sequence):
    """What messages call each annotation."""

    def __init__(self, raw: RawPersons):
        self._raw = raw

    def __len__(self) -> int:
        return len(self._raw.ids)

    def __getitem__(self, row: int) -> str:
        return f"annotation {self._raw.ids[row]} of image {self._raw.image_ids[row]}"


def _scale_fractions(raw: RawPersons, sizes: np.ndarray, findings: Findings, owners: Sequence[str]):
    """Coordinates that are fractions of the photograph become pixels, where most persons have such."""
    factors = sizes[:, None].astype(np.float64)
    labelled = (raw.keypoints[..., 2] > 0) & np.isfinite(raw.keypoints).all(axis=2)
    points = np.where(labelled[..., None], raw.keypoints[..., :2], np.nan)
    with np.errstate(invalid="ignore"):
        is_small = _all_between(points, 0, 1) & (sizes > 8).all(axis=1)
    several = (labelled.sum(axis=1) > 1) & (_spread(points) > 0)
    if several.any() and is_small[several].mean() > 0.5:
        findings.add_where("joints between 0 and 1 are taken for fractions of the photograph", is_small, owners)
        raw.keypoints[is_small, :, :2] *= factors[is_small]
    known = np.isfinite(raw.boxes).all(axis=1) & (raw.boxes[:, 2:] > 0).all(axis=1)
    fractions = known & _all_between(raw.boxes[:, None], 0, 1)
    if known.any() and fractions[known].mean() > 0.5:
        findings.add_where("boxes between 0 and 1 are taken for fractions of the photograph", fractions, owners)
        raw.boxes[fractions] *= np.tile(sizes[fractions], 2)


def _joints(raw: RawPersons, sizes: np.ndarray, findings: Findings, owners: Sequence[str]) -> np.ndarray:
    """Joints (N, K, 3) that are labelled where they can be meant."""
    keypoints = raw.keypoints
    numbers = np.isfinite(keypoints).all(axis=2)
    claimed = np.where(np.isfinite(keypoints[..., 2]), keypoints[..., 2], 1) > 0
    findings.add_where(
        "persons with joints that are no numbers; these count as unlabelled", _some(claimed & ~numbers), owners
    )
    keypoints = np.where(numbers[..., None], keypoints, 0)
    odd = ~np.isin(keypoints[..., 2], (0, 1, 2))
    findings.add_where(
        "persons with joints of another visibility than 0, 1, 2; above 0 these count as visible", _some(odd), owners
    )
    keypoints[..., 2] = np.where(odd, 2 * (keypoints[..., 2] > 0), keypoints[..., 2])
    labelled = keypoints[..., 2] > 0
    at_origin = labelled & (keypoints[..., :2] == 0).all(axis=2)
    findings.add_where("persons with joints at the origin; these count as unlabelled", _some(at_origin), owners)
    width_height = sizes[:, None]
    far = labelled & ((keypoints[..., :2] < -width_height) | (keypoints[..., :2] > 2 * width_height)).any(axis=2)
    findings.add_where(
        "persons with joints further outside their photograph than it is large; these count as unlabelled",
        _some(far),
        owners,
    )
    return keypoints * (labelled & ~at_origin & ~far)[..., None]


def _boxes(
    raw: RawPersons, keypoints: np.ndarray, sizes: np.ndarray, findings: Findings, owners: Sequence[str]
) -> np.ndarray:
    """Boxes (N, 4), not a number where nothing tells them."""
    boxes = raw.boxes.copy()
    low, high = _extent(keypoints)
    spanned = np.nan_to_num((high - low).prod(axis=1))
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(boxes) < FARTHEST).all(axis=1) | ~(boxes[:, 2:] > SMALLEST_SIDE).all(axis=1)
        bad |= (boxes[:, :2] >= sizes).any(axis=1) | (boxes[:, :2] + boxes[:, 2:] <= 0).any(axis=1)
        bad |= boxes[:, 2:].prod(axis=1) < SMALLEST_BOX * spanned
    for row in np.flatnonzero(bad):
        outline = raw.outlines[row]
        if outline is not None:
            boxes[row] = area_and_box(outline, *sizes[row].tolist())[1]
        else:
            boxes[row] = box_around(keypoints[row : row + 1])[0]
    told = bad & np.isfinite(boxes).all(axis=1)
    findings.add_where("annotations without a usable box; it is taken from outline or joints", told, owners)
    return boxes


def _areas(
    raw: RawPersons,
    keypoints: np.ndarray,
    boxes: np.ndarray,
    sizes: np.ndarray,
    findings: Findings,
    owners: Sequence[str],
) -> np.ndarray:
    """Areas (N,): the given ones where they can be those of the person."""
    areas, of_boxes = raw.areas.copy(), boxes[:, 2:].prod(axis=1)
    labelled = (keypoints[..., 2] > 0).any(axis=1) & ~raw.is_crowd
    with np.errstate(invalid="ignore"):
        unlikely = (areas < SMALLEST_AREA) | (areas < SMALLEST_SHARE * of_boxes) | (areas > LARGEST_SHARE * of_boxes)
        bad = ~np.isfinite(areas) | (areas <= 0) | (labelled & unlikely)
    for row in np.flatnonzero(bad):
        outline = raw.outlines[row]
        areas[row] = 0 if outline is None else area_and_box(outline, *sizes[row].tolist())[0]
        areas[row] = areas[row] or of_boxes[row]
    findings.add_where("annotations without a usable area; it is taken from outline or box", bad, owners)
    return areas


def _twice(raw: RawPersons, keypoints: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,) bool: whether an earlier annotation of the photograph has the same labelled joints and box."""
    labelled = (keypoints[..., 2] > 0).any(axis=1)
    rows = np.hstack(
        [raw.image_ids[:, None], keypoints.reshape(len(boxes), 3 * keypoints.shape[1]), boxes, raw.is_crowd[:, None]]
    )
    _, first = np.unique(rows[labelled], axis=0, return_index=True)
    again = np.ones(labelled.sum(), dtype=bool)
    again[first] = False
    twice = np.zeros(len(boxes), dtype=bool)
    twice[labelled] = again
    return twice


def _extent(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest x, y (N, 2) of the labelled joints, not a number where there are none."""
    labelled = keypoints[..., 2:] > 0
    low = np.where(labelled, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(labelled, keypoints[..., :2], -np.inf).max(axis=1)
    nobody = ~labelled.any(axis=(1, 2))
    low[nobody] = high[nobody] = np.nan
    return low, high


def _all_between(points: np.ndarray, low: float, high: float) -> np.ndarray:
    """(N,) bool: whether all that are numbers of (N, J, C) lie there, and there is one."""
    known = np.isfinite(points)
    inside = (points >= low) & (points <= high)
    return known.any(axis=(1, 2)) & (inside | ~known).all(axis=(1, 2))


def _spread(points: np.ndarray) -> np.ndarray:
    """(N,) greatest difference between the labelled joints of a person in x or y; 0 where there are none."""
    known = np.isfinite(points)
    low = np.where(known, points, np.inf).min(axis=1)
    high = np.where(known, points, -np.inf).max(axis=1)
    return np.maximum(high - low, 0).max(axis=1)


def _some(joints: np.ndarray) -> np.ndarray:
    """(N,) bool: whether it is true of some joint of (N, K)."""
    return joints.any(axis=1)
