"""Augmentation: one matrix for the geometry of a sample, one for its colours."""

from dataclasses import dataclass

import cv2
import numpy as np

from distill.data.photometric import DAMAGE
from distill.pose import geometry
from distill.system.errors import InputError


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of a training sample; all zero and scales 1 leave it as it is."""

    flip: float = 0.5
    "Probability of mirroring left and right."
    rotation: float = 30.0
    "Largest rotation either way, degrees."
    scale_min: float = 0.75
    "Smallest magnification, relative to the photograph just fitting the input."
    scale_max: float = 1.5
    "Largest magnification, relative to the photograph just fitting the input."
    translation: float = 0.15
    "Largest shift in x and in y, as a fraction of the input's width and height."
    brightness: float = 0.3
    "Largest relative change of brightness."
    contrast: float = 0.3
    "Largest relative change of contrast."
    saturation: float = 0.4
    "Largest relative change of saturation."
    mosaic: float = 0.0
    "Probability that four photographs, each varied by itself, share a sample."
    blur: float = 0.0
    "Probability of a Gaussian blur."
    noise: float = 0.0
    "Probability of normal noise."
    jpeg: float = 0.0
    "Probability of strong JPEG compression."
    grey: float = 0.0
    "Probability of losing all colour."
    cut_out: float = 0.0
    "Probability that a rectangle is covered."

    def __post_init__(self):
        for name in ("flip", "brightness", "contrast", "saturation", "mosaic", *DAMAGE):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"augment.{name} must lie in 0..1, not {getattr(self, name)}")
        if not 0 < self.scale_min <= self.scale_max:
            raise InputError("augment.scale_min must be positive and at most augment.scale_max")
        if self.rotation < 0 or self.translation < 0:
            raise InputError("augment.rotation and augment.translation must not be negative")

    @property
    def damage(self) -> dict[str, float]:
        """Probability of each of `distill.data.photometric.DAMAGE`."""
        return {name: getattr(self, name) for name in DAMAGE}


def sample_geometry(
    rng: np.random.Generator, size: tuple[int, int], input_size: tuple[int, int], config: AugmentConfig
) -> np.ndarray:
    """Draw the (2, 3) matrix photograph to network input.

    Args:
        size: width and height of the photograph, pixels.
        input_size: width and height of the network's input, pixels.
    """
    centre = np.array(input_size) / 2
    degrees = rng.uniform(-config.rotation, config.rotation)
    factor = np.exp(rng.uniform(np.log(config.scale_min), np.log(config.scale_max)))
    shift = rng.uniform(-config.translation, config.translation, 2) * input_size
    mirror = geometry.flip(input_size[0]) if rng.random() < config.flip else geometry.identity()
    return geometry.compose(
        geometry.letterbox(size, input_size),
        mirror,
        geometry.translation(*-centre),
        geometry.rotation(degrees),
        geometry.scaling(factor),
        geometry.translation(*(centre + shift)),
    )


def sample_colours(rng: np.random.Generator, config: AugmentConfig) -> np.ndarray:
    """Draw the (3, 4) matrix that maps an RGB value 0..255 to its jittered one."""
    brightness = 1 + rng.uniform(-config.brightness, config.brightness)
    contrast = 1 + rng.uniform(-config.contrast, config.contrast)
    saturation = 1 + rng.uniform(-config.saturation, config.saturation)
    to_grey = np.tile([0.299, 0.587, 0.114], (3, 1))
    linear = brightness * contrast * (saturation * np.eye(3) + (1 - saturation) * to_grey)
    offset = brightness * (1 - contrast) * 128
    return np.hstack([linear, np.full((3, 1), offset)])


def apply_colours(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Image (H, W, 3) uint8 with every pixel mapped by the (3, 4) matrix."""
    return cv2.transform(image, colours)
