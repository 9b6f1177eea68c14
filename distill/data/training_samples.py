"""What a network learns from, looked up by epoch and photograph."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import torch

from distill.data.augment import AugmentConfig, sample_colours, sample_geometry
from distill.data.keypoint_set import KeypointSet
from distill.data.mosaic import PARTS, mosaic, part_size
from distill.data.packing import PackedPhotographs
from distill.data.photographs import REDUCTIONS
from distill.data.photometric import damaged
from distill.data.samples import Annotated, Sample, make_sample
from distill.data.teacher_maps import TeacherMaps
from distill.data.teacher_persons import PersonReader, outlined, outside_of_doubt
from distill.heads.batch import MASK_STRIDE
from distill.pose import geometry

OVERSAMPLING = 2
"Pixels of a photograph, in a row, that are left for one of the input: less would look other than in an evaluation."


class TrainingSamples(torch.utils.data.Dataset):
    """Samples looked up by (epoch, image id); augmentation is a function of these and the seed.

    Args:
        data: the annotated photographs.
        input_size: width and height of the network's input, pixels.
        augment: how samples vary.
        seed: of the augmentation.
        read_peaks: function from an image id to the teacher's peaks, (M, 5) float32 as in `Annotated`; without it no
            teacher says anything, neither that a joint is there nor that it is not.
        read_persons: function from an image id to the teacher's persons, who teach where nobody annotated.
        image_ids: (N,) photographs that may share a mosaic; all of the set by default.
        keep_in_memory: hold what was read of each photograph, for sets that fit.
        packed: what photographs are read from, in place of their own files.
        read_maps: function from an image id to the teacher's whole maps, where samples shall have them.
        teacher_outlines: let the teacher's persons say where people are whose outlines are unknown.
    """

    def __init__(
        self,
        data: KeypointSet,
        input_size: tuple[int, int],
        augment: AugmentConfig,
        seed: int,
        read_peaks: Callable[[int], np.ndarray] | None = None,
        read_persons: PersonReader | None = None,
        image_ids: np.ndarray | None = None,
        keep_in_memory: bool = False,
        packed: PackedPhotographs | None = None,
        read_maps: Callable[[int], TeacherMaps] | None = None,
        teacher_outlines: bool = False,
    ):
        self.data, self.input_size, self.augment, self.seed = data, input_size, augment, seed
        self.read_peaks, self.read_persons, self.read_maps = read_peaks, read_persons, read_maps
        self.image_ids = data.image_ids if image_ids is None else image_ids
        self.packed, self.teacher_outlines = packed, teacher_outlines
        self._held = {} if keep_in_memory else None

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, image_id = key
        rng = np.random.default_rng([self.seed, epoch, image_id])
        if self.augment.mosaic and rng.random() < self.augment.mosaic:
            others = rng.choice(self.image_ids, PARTS - 1).tolist()
            size = part_size(self.input_size)
            sample = mosaic([self._varied(some, size, rng) for some in (image_id, *others)])
        else:
            sample = self._varied(image_id, self.input_size, rng)
        return replace(sample, image=damaged(sample.image, rng, self.augment.damage))

    def _varied(self, image_id: int, input_size: tuple[int, int], rng: np.random.Generator) -> Sample:
        """One photograph's sample, with random geometry and colours."""
        matrix = sample_geometry(rng, self.data.size(image_id), input_size, self.augment)
        colours = sample_colours(rng, self.augment)
        return make_sample(image_id, self._annotated(image_id, matrix), matrix, input_size, self.data, colours)

    def _annotated(self, image_id: int, matrix: np.ndarray) -> Annotated:
        reduction = _reduction(matrix, 1 / OVERSAMPLING)
        key = image_id, reduction if self.packed is None else 1, _reduction(matrix, MASK_STRIDE)
        if self._held is None:
            return self._read(*key)
        if key not in self._held:
            self._held[key] = self._read(*key)
        return self._held[key]

    def _read(self, image_id: int, reduction: int, mask_reduction: int) -> Annotated:
        is_annotated, masks = self.data.is_annotated(image_id), self.data.masks(image_id, mask_reduction)
        taught, inside = None, None if self.read_peaks else 0
        if self.read_persons and (self.teacher_outlines or not is_annotated):
            sure, doubted = self.read_persons(image_id)
            if self.teacher_outlines:
                masks = outlined(masks, sure, doubted, mask_reduction)
            if not is_annotated:
                taught, inside = sure, outside_of_doubt(masks.shape[1::-1], sure, doubted, mask_reduction)
        pixels, smaller = self._pixels(image_id, reduction)
        return Annotated(
            photograph=pixels,
            masks=_with_fourth(masks, inside),
            keypoints=self.data.keypoints(image_id),
            joints_annotated=self.data.joints_annotated(image_id),
            is_annotated=is_annotated,
            peaks=self.read_peaks(image_id) if self.read_peaks else np.zeros((0, 5), dtype=np.float32),
            teacher_persons=taught,
            teacher_maps=self.read_maps(image_id) if self.read_maps else None,
            reduction=smaller,
            mask_reduction=mask_reduction,
        )

    def _pixels(self, image_id: int, reduction: int) -> tuple[np.ndarray, tuple[float, float]]:
        """A photograph, and how many of its own pixels, across and down, one of these stands for."""
        if self.packed is None:
            return self.data.photograph(image_id, reduction), (reduction, reduction)
        pixels, (width, height) = self.packed(image_id), self.data.size(image_id)
        return pixels, (width / pixels.shape[1], height / pixels.shape[0])


def _with_fourth(masks: np.ndarray, mask: np.ndarray | int | None) -> np.ndarray:
    """Masks (H, W, 3) uint8 and another one as (H, W, 4); None is 255 everywhere, as OpenCV adds a channel."""
    masks = cv2.cvtColor(masks, cv2.COLOR_RGB2RGBA)
    if mask is not None:
        masks[..., 3] = mask
    return masks


def _reduction(matrix: np.ndarray, stride: float) -> int:
    """The most that a photograph can be reduced by before a matrix (2, 3) and a stride make it smaller still."""
    smaller = stride / geometry.scale_of(matrix)
    return max(reduction for reduction in REDUCTIONS if reduction <= max(smaller, 1))
