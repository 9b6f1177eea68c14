"""Heads: hair, face and ears as they are seen from any side."""

import math

import numpy as np

from distill.synthetic import body as b
from distill.synthetic.appearance import Colour, Outfit, mix, shade
from distill.synthetic.body import Body
from distill.synthetic.paint import Layer, disc, ellipse, hull

EAR_DIRECTIONS = ((1.0, 0.0, -0.08), (-1.0, 0.0, -0.08))
NOSE_DIRECTION = (0.0, -0.12, 1.0)
EYE_DIRECTIONS = ((0.42, 0.1, 0.9), (-0.42, 0.1, 0.9))


def _cap(reach: float, rings: int = 3, points: int = 12) -> np.ndarray:
    """Unit vectors (rings * points + 1, 3) within `reach` radians of straight ahead."""
    polar = reach * np.arange(1, rings + 1)[:, None] / rings
    around = np.arange(points)[None] * (2 * math.pi / points)
    rows = np.stack(
        [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar) * np.ones_like(around)], -1
    )
    return np.concatenate([[[0.0, 0.0, 1.0]], rows.reshape(-1, 3)])


def _tilted(cap: np.ndarray, angle: float) -> np.ndarray:
    """The cap turned up (positive) about the axis from ear to ear."""
    c, s = math.cos(angle), math.sin(angle)
    return cap @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


_FACE = _tilted(_cap(1.35), -0.42)
_HAT = _tilted(_cap(1.15), 1.5)


def _patch(person: Body, directions: np.ndarray, grow: float) -> np.ndarray | None:
    """Outline of the visible part of a cap of the head, or None when it is turned away."""
    half = np.array(person.build.head)
    towards = (directions / half) @ person.head_axes[2] < 0
    seen = (directions[towards] * half) @ person.head_axes[:2].T
    if len(seen) < 3:
        return None
    return hull(person.points[b.HEAD] + seen * (grow * float(person.scale[b.HEAD])))


def head_layers(person: Body, outfit: Outfit) -> list[Layer]:
    """Hair, face, ears, eyes, nose, mouth and hat of a head, the farthest first."""
    scale = float(person.scale[b.HEAD])
    axes = person.head_axes * (np.array(person.build.head) * scale)
    centre = person.points[b.HEAD]
    if outfit.bald:
        layers = [Layer(ellipse(centre, axes), outfit.skin, rim=0.15)]
    else:
        crown = centre + (axes @ (0.0, 0.1, -0.12))[:2]
        layers = [Layer(ellipse(crown, axes * 1.08), outfit.hair, rim=0.18)]
        face = _patch(person, _FACE, 0.99)
        if face is not None:
            layers.append(Layer(face, outfit.skin, rim=0.12))
    layers += _ears(person, outfit, axes)
    layers += _features(person, outfit, person.build.head[1] * scale)
    if outfit.hat:
        layers += _hat(person, outfit.hat, axes)
    return layers


def _ears(person: Body, outfit: Outfit, axes: np.ndarray) -> list[Layer]:
    if outfit.long_hair and not outfit.bald:
        return []
    size = axes * (0.16, 0.24, 0.18)
    return [
        Layer(ellipse(person.points[3 + i], size, 8), shade(outfit.skin, 0.86))
        for i, direction in enumerate(EAR_DIRECTIONS)
        if person.facing(direction) > -0.45
    ]


def _features(person: Body, outfit: Outfit, unit: float) -> list[Layer]:
    """Nose, eyes, brows, glasses and mouth of a head whose half height is `unit` pixels."""
    dark = mix((30, 24, 22), outfit.hair, 0.25)
    layers: list[Layer] = []
    if person.facing(NOSE_DIRECTION) > -0.3:
        layers.append(Layer(disc(person.points[0], 0.13 * unit, 8), shade(outfit.skin, 0.82)))
    for i, direction in enumerate(EYE_DIRECTIONS):
        if person.facing(direction) <= 0.05:
            continue
        eye = person.points[1 + i]
        if unit > 6:
            layers.append(Layer(disc(eye, (0.19 * unit, 0.11 * unit), 8), (235, 232, 226)))
        layers.append(Layer(disc(eye, 0.1 * unit, 8), dark))
        brow = np.array([eye + (-0.17 * unit, -0.24 * unit), eye + (0.17 * unit, -0.24 * unit)])
        layers.append(Layer(brow, shade(outfit.hair, 0.8), 0.05 * unit))
        if outfit.glasses:
            layers.append(Layer(disc(eye, 0.26 * unit, 9), (28, 28, 32), 0.06 * unit))
    if person.facing((0.0, -0.5, 0.85)) > 0.1:
        width = person.head_axes[:2, 0] * (0.26 * unit)
        mouth = person.points[b.MOUTH]
        lips = mix(outfit.skin, (150, 40, 40), 0.5)
        layers.append(Layer(np.array([mouth - width, mouth + width]), lips, 0.12 * unit))
    return layers


def _hat(person: Body, colour: Colour, axes: np.ndarray) -> list[Layer]:
    dome = _patch(person, _HAT, 1.16)
    layers = [] if dome is None else [Layer(dome, colour, rim=0.15)]
    if person.facing((0.0, 0.1, 1.0)) > -0.5:
        brim = person.points[b.HEAD] + (axes @ (0.0, 0.52, 0.85))[:2]
        layers.append(Layer(ellipse(brim, axes * (0.72, 0.06, 0.6), 12), shade(colour, 0.7)))
    return layers


def mane_layers(person: Body, outfit: Outfit) -> list[Layer]:
    """Long hair that falls from the back of the head to the shoulders."""
    axes = person.head_axes * (np.array(person.build.head) * float(person.scale[b.HEAD]))
    centre = person.points[b.HEAD]
    top = ellipse(centre + (axes @ (0.0, 0.0, -0.25))[:2], axes * (1.1, 1.0, 0.85), 12)
    low = ellipse(centre + (axes @ (0.0, -1.35, -0.55))[:2], axes * (0.95, 0.5, 0.5), 12)
    return [Layer(hull(top, low), outfit.hair, rim=0.15)]
