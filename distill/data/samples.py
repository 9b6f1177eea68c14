"""A sample: a photograph, its persons, masks and the teacher's peaks, all warped by one matrix."""

from dataclasses import dataclass

import numpy as np

from distill.data.augment import apply_colours
from distill.data.keypoint_set import KeypointSet
from distill.data.teacher_maps import TeacherMaps, warp_maps
from distill.heads.batch import MASK_STRIDE
from distill.pose import geometry

BORDER = 128
"Pixels beside the input in which a joint is kept: part of its Gaussian may lie inside."


_PADDED = {True: (0, 0, 0, 0), False: (0, 255, 255, 0)}
"Masks beside a photograph, by whether it is annotated."


@dataclass(frozen=True)
class Annotated:
    """Everything known of one photograph, in its own pixels; the photograph and its masks may be reduced."""

    photograph: np.ndarray
    "(H, W, 3) uint8 RGB, made smaller by `reduction`."
    masks: np.ndarray
    """(H, W, 4) uint8 0 or 255, reduced by `mask_reduction`: person, outline unknown, ignored, and where the teacher's
    word counts: inside the photograph, but not on persons whom it doubts."""
    keypoints: np.ndarray
    "(P, K, 3) float32 x, y, visibility."
    joints_annotated: np.ndarray
    "(K,) bool: joints that are annotated in this photograph."
    is_annotated: bool
    "Whether anything is: where nobody annotated, the hard labels say nothing of the padding either."
    peaks: np.ndarray
    "(M, 5) float32 joint, x, y, confidence, width: the teacher's soft labels; no rows without a teacher."
    teacher_persons: np.ndarray | None = None
    "(P, K, 3) float32 x, y, confidence of the persons that the teacher is sure of, where nobody annotated."
    teacher_maps: TeacherMaps | None = None
    "The teacher's whole maps, if they are asked for."
    reduction: tuple[float, float] = (1.0, 1.0)
    "Pixels of the photograph, across and down, that one of `photograph` stands for."
    mask_reduction: int = 1
    "Likewise of `masks`, across and down alike."


@dataclass(frozen=True)
class Sample:
    """One input of the network and what it should answer, in pixels of the input."""

    image_id: int
    image: np.ndarray
    "(H, W, 3) uint8 RGB."
    masks: np.ndarray
    "(H / 2, W / 2, 4) uint8, as in `Annotated`."
    keypoints: np.ndarray
    "(P, K, 3) float32 x, y, visibility; all 0 where a joint is unlabelled or lies more than `BORDER` outside."
    persons: np.ndarray
    "(Q, K, 3) float32 x, y, confidence of those to be told apart, as in `Batch`."
    annotated: np.ndarray
    "(K,) bool: joints that are annotated in this photograph."
    peaks: np.ndarray
    "(M, 5) float32 joint, x, y, confidence, width."
    matrix: np.ndarray
    "(2, 3) photograph to input."
    teacher_maps: np.ndarray | None = None
    "(H / 4, W / 4, K) uint8, as in `Batch`, if they are asked for."


def make_sample(
    image_id: int,
    annotated: Annotated,
    matrix: np.ndarray,
    input_size: tuple[int, int],
    data: KeypointSet,
    colours: np.ndarray | None = None,
) -> Sample:
    """Warp one photograph and its labels by a (2, 3) matrix, left and right swapped if it mirrors."""
    own = geometry.compose(geometry.scaling(annotated.reduction), matrix)
    image = geometry.warp(annotated.photograph, own, input_size, fill=geometry.PADDING)
    mask_matrix = geometry.compose(
        geometry.scaling(annotated.mask_reduction), matrix, geometry.scaling(1 / MASK_STRIDE)
    )
    mask_size = (input_size[0] // MASK_STRIDE, input_size[1] // MASK_STRIDE)
    keypoints = _warp_keypoints(annotated.keypoints, matrix, input_size, data.skeleton.flip_index)
    return Sample(
        image_id=image_id,
        image=image if colours is None else apply_colours(image, colours),
        masks=geometry.warp(annotated.masks, mask_matrix, mask_size, fill=_PADDED[annotated.is_annotated]),
        keypoints=keypoints,
        persons=_labelled(keypoints)
        if annotated.teacher_persons is None
        else _warp_keypoints(annotated.teacher_persons, matrix, input_size, data.skeleton.flip_index),
        annotated=annotated.joints_annotated[data.skeleton.flip_index]
        if geometry.is_mirrored(matrix)
        else annotated.joints_annotated,
        peaks=_warp_peaks(annotated.peaks, matrix, data.skeleton.flip_index),
        matrix=matrix,
        teacher_maps=None
        if annotated.teacher_maps is None
        else warp_maps(annotated.teacher_maps, matrix, input_size, data.skeleton.flip_index),
    )


def _labelled(keypoints: np.ndarray) -> np.ndarray:
    """The same joints with confidence 1 in the place of visibility."""
    return np.concatenate([keypoints[..., :2], keypoints[..., 2:] > 0], axis=-1).astype(np.float32)


def _warp_keypoints(
    keypoints: np.ndarray, matrix: np.ndarray, input_size: tuple[int, int], flip_index: np.ndarray
) -> np.ndarray:
    if geometry.is_mirrored(matrix):
        keypoints = keypoints[:, flip_index]
    points = geometry.transform(matrix, keypoints[..., :2])
    is_near = ((points >= -BORDER) & (points < np.add(input_size, BORDER))).all(-1) & (keypoints[..., 2] > 0)
    warped = np.concatenate([points, keypoints[..., 2:]], axis=-1) * is_near[..., None]
    return warped[is_near.any(-1)].astype(np.float32)


def _warp_peaks(peaks: np.ndarray, matrix: np.ndarray, flip_index: np.ndarray) -> np.ndarray:
    warped = peaks.copy()
    if geometry.is_mirrored(matrix):
        warped[:, 0] = np.argsort(flip_index)[peaks[:, 0].astype(int)]
    warped[:, 1:3] = geometry.transform(matrix, peaks[:, 1:3])
    warped[:, 4] *= geometry.scale_of(matrix)
    return warped
