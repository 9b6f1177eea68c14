"""Damage that photographs suffer on their way: blur, noise, compression, lost colour, covered parts."""

from collections.abc import Callable

import cv2
import numpy as np

LARGEST_BLUR = 0.012
"Standard deviation of the blur, in parts of the image's longer side."
LARGEST_NOISE = 20.0
"Standard deviation of the noise, of 255."
QUALITIES = (15, 75)
"JPEG qualities."
CUT_SIDES = (0.08, 0.3)
"Sides of what is cut out, in parts of the image's."


def blurred(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred by a Gaussian."""
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, max(0.4, LARGEST_BLUR * max(image.shape[:2]))))


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With normal noise, the same in all channels or of each its own."""
    channels = 1 if rng.random() < 0.5 else 3
    noise = rng.standard_normal((*image.shape[:2], channels), dtype=np.float32) * rng.uniform(2, LARGEST_NOISE)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def compressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As JPEG brings it back."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*QUALITIES))])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def grey(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Without colour."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def cut_out(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With a rectangle of one colour; what it hides is still asked for."""
    height, width = image.shape[:2]
    w, h = (rng.uniform(*CUT_SIDES, 2) * (width, height)).astype(int)
    x, y = int(rng.integers(width - w)), int(rng.integers(height - h))
    cut = image.copy()
    cut[y : y + h, x : x + w] = rng.integers(256, size=3)
    return cut


DAMAGE: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "cut_out": cut_out,
    "grey": grey,
    "blur": blurred,
    "noise": noisy,
    "jpeg": compressed,
}
"By the name of its probability in `AugmentConfig`, in the order in which they happen."


def damaged(image: np.ndarray, rng: np.random.Generator, probabilities: dict[str, float]) -> np.ndarray:
    """Image (H, W, 3) uint8 RGB with each damage by its probability."""
    for name, damage in DAMAGE.items():
        if rng.random() < probabilities[name]:
            image = damage(image, rng)
    return image
