"""The teacher's whole maps of a photograph, warped as the photograph is: what its peaks leave out."""

import numpy as np

from cache.store import SoftLabelStore
from distill.heads.batch import MAP_STRIDE
from distill.pose import geometry

TeacherMaps = tuple[np.ndarray, np.ndarray]
"Maps (h, w, K) uint8, 255 for a confidence of 1, and the (2, 3) matrix photograph to map."

_COARSER = 0.5
"Cells of a result to a cell of the maps, up to which these are halved first: no peak may fall between two cells."


def read_maps(store: SoftLabelStore, image_id: int) -> TeacherMaps:
    """Maps of one image; raises as the store does."""
    heatmap, to_map = store.read_heatmap(image_id)
    return np.ascontiguousarray(np.rint(heatmap * 255).astype(np.uint8).transpose(1, 2, 0)), to_map


def no_maps(joints: int, image_id: int) -> TeacherMaps:
    """Maps of a photograph of which no teacher says anything."""
    return np.zeros((1, 1, joints), dtype=np.uint8), geometry.identity()


def warp_maps(maps: TeacherMaps, matrix: np.ndarray, input_size: tuple[int, int], flip_index: np.ndarray) -> np.ndarray:
    """(H / 4, W / 4, K) uint8 of an input of (width, height), left and right swapped if the matrix mirrors.

    Args:
        matrix: (2, 3) photograph to input.
        flip_index: (K,) channel k of a mirrored photograph shows joint flip_index[k].
    """
    values, to_map = maps
    own = geometry.compose(geometry.invert(to_map), matrix, geometry.scaling(1 / MAP_STRIDE))
    while geometry.scale_of(own) <= _COARSER and min(values.shape[:2]) > 1:
        values, own = geometry.halved(values), geometry.compose(geometry.scaling(2.0), own)
    warped = geometry.warp(values, own, (input_size[0] // MAP_STRIDE, input_size[1] // MAP_STRIDE))
    return warped[..., flip_index] if geometry.is_mirrored(matrix) else warped
