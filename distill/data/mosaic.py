"""Several photographs in one sample, which makes people small and many."""

import numpy as np

from distill.data.samples import Sample

PARTS = 4
"Photographs of a mosaic: two rows of two."


def mosaic(parts: list[Sample]) -> Sample:
    """One sample of four of half its width and height, row by row.

    Joints, persons and peaks that a part had outside of its own image are gone. A joint counts as annotated where it is
    so in every part.
    """
    height, width = parts[0].image.shape[:2]
    corners = [(column * width, row * height) for row in (0, 1) for column in (0, 1)]
    placed = list(zip(parts, corners, strict=True))
    return Sample(
        image_id=parts[0].image_id,
        image=_tiled([part.image for part in parts]),
        masks=_tiled([part.masks for part in parts]),
        keypoints=np.concatenate([_moved(part.keypoints, part, corner) for part, corner in placed]),
        persons=np.concatenate([_moved(part.persons, part, corner) for part, corner in placed]),
        annotated=np.logical_and.reduce([part.annotated for part in parts]),
        peaks=np.concatenate([_moved_peaks(part, corner) for part, corner in placed]),
        matrix=parts[0].matrix,
        teacher_maps=None if parts[0].teacher_maps is None else _tiled([part.teacher_maps for part in parts]),
    )


def part_size(input_size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a part of an input whose sides are multiples of 32, pixels."""
    return input_size[0] // 2, input_size[1] // 2


def _tiled(images: list[np.ndarray]) -> np.ndarray:
    return np.vstack([np.hstack(images[:2]), np.hstack(images[2:])])


def _moved(persons: np.ndarray, part: Sample, corner: tuple[int, int]) -> np.ndarray:
    """Persons (P, K, 3) at their place in the mosaic, without those of whom nothing is left."""
    shown = _is_inside(persons[..., :2], part) & (persons[..., 2] > 0)
    moved = np.concatenate([persons[..., :2] + np.float32(corner), persons[..., 2:]], axis=-1) * shown[..., None]
    return moved[shown.any(-1)]


def _moved_peaks(part: Sample, corner: tuple[int, int]) -> np.ndarray:
    peaks = part.peaks[_is_inside(part.peaks[:, 1:3], part)]
    peaks[:, 1:3] += np.float32(corner)
    return peaks


def _is_inside(points: np.ndarray, part: Sample) -> np.ndarray:
    return ((points >= 0) & (points < part.image.shape[1::-1])).all(-1)
