"""A small bank of grey textures, the same in every process, from which backgrounds are cut."""

from functools import lru_cache

import cv2
import numpy as np

SIDE = 640
COUNT = 14


def _grain(rng: np.random.Generator, cells: int) -> np.ndarray:
    """(SIDE, SIDE) float32 smooth noise of about unit deviation."""
    field = rng.standard_normal((cells, cells)).astype(np.float32)
    return cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _clouds(rng: np.random.Generator) -> np.ndarray:
    return sum(_grain(rng, 4 * 2**k) * 0.7**k for k in range(6))


def _foliage(rng: np.random.Generator) -> np.ndarray:
    return np.abs(_grain(rng, 64)) + 0.6 * np.abs(_grain(rng, 120)) + 0.5 * _grain(rng, 10)


def _planks(rng: np.random.Generator) -> np.ndarray:
    rows = np.repeat(rng.standard_normal(SIDE // 32), 32).astype(np.float32)[:, None]
    grain = cv2.resize(rng.standard_normal((256, 12)).astype(np.float32), (SIDE, SIDE))
    gaps = -2.5 * (np.arange(SIDE) % 32 < 3).astype(np.float32)[:, None]
    return rows + 0.5 * grain + gaps


def _bricks(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    row = y // 32
    shifted = x + 32 * (row % 2)
    tone = rng.standard_normal((SIDE // 32, SIDE // 64 + 2)).astype(np.float32)
    mortar = (y % 32 < 4) | (shifted % 64 < 4)
    return np.where(mortar, 2.5, tone[row, shifted // 64]) + 0.3 * _grain(rng, 200)


def _checks(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return ((x // 48 + y // 48) % 2 * 2.0 + 0.4 * _grain(rng, 100)).astype(np.float32)


def _speckle(rng: np.random.Generator) -> np.ndarray:
    return 0.6 * _grain(rng, 320) + 0.6 * _grain(rng, 24)


def _waves(rng: np.random.Generator) -> np.ndarray:
    y = np.arange(SIDE, dtype=np.float32)[:, None]
    return np.sin(y / 9 + 2.5 * _grain(rng, 8)) + 0.4 * _grain(rng, 60)


@lru_cache(1)
def bank() -> tuple[np.ndarray, ...]:
    """COUNT textures (SIDE, SIDE) uint8 that use the whole range."""
    makers = (_clouds, _foliage, _planks, _bricks, _checks, _speckle, _waves)
    textures = []
    for index in range(COUNT):
        field = makers[index % len(makers)](np.random.default_rng([20, index]))
        if index >= len(makers):
            field = field.T
        low, high = np.percentile(field, (1, 99))
        scaled = np.clip((field - low) * (255 / (high - low)), 0, 255)
        textures.append(np.ascontiguousarray(scaled.astype(np.uint8)))
    return tuple(textures)


@lru_cache(1)
def film() -> np.ndarray:
    """(SIDE, SIDE, 3) int16 camera noise of deviation 16."""
    rng = np.random.default_rng([20, 99])
    return np.rint(rng.standard_normal((SIDE, SIDE, 3)) * 16).astype(np.int16)
