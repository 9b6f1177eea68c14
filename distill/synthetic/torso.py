"""Shirt, hips and skirt of a body."""

import math

import numpy as np

from distill.synthetic import body as b
from distill.synthetic.appearance import Outfit, mix, shade
from distill.synthetic.body import Body, J
from distill.synthetic.paint import Layer, disc, ellipse, hull, rounded

_FRONT = np.linspace(-math.pi / 2, math.pi / 2, 7)


def _rings(person: Body) -> list[tuple[np.ndarray, np.ndarray]]:
    """Centre (2,) and half axes (3, 3) in camera axes, pixels, of shoulders, waist and hips."""
    build, scale = person.build, person.scale
    sizes = (
        (b.CHEST, person.torso_axes, (build.shoulder * 1.06, build.torso * 0.22, build.thickness)),
        (b.WAIST, person.torso_axes, (build.waist, build.torso * 0.2, build.thickness * 0.9)),
        (b.HIPS, person.hip_axes, (build.hip + 0.036 * build.limb, 0.06, build.thickness * 1.05)),
    )
    return [(person.points[i], axes * (np.array(size) * scale[i])) for i, axes, size in sizes]


def shirt_layers(person: Body, outfit: Outfit, light: tuple[float, float]) -> list[Layer]:
    """The upper body with its pattern; patterns wrap around it, prints and open jackets are in front only."""
    chest, waist, hips = _rings(person)
    upper = hull(ellipse(*chest), ellipse(*waist))
    lower = hull(ellipse(*waist), ellipse(hips[0] + (waist[0] - hips[0]) * 0.3, hips[1] * 0.93))
    layers = [(lower, shade(outfit.shirt, 0.76), 0.0), (upper, shade(outfit.shirt, 0.8), 0.0)]
    layers += [rounded(lower, outfit.shirt, light)[1], rounded(upper, outfit.shirt, light)[1]]
    if outfit.pattern == "bands":
        layers += _bands(chest, waist, outfit)
    elif outfit.pattern == "lines":
        layers += _lines(chest, waist, outfit, 3)
    elif outfit.pattern == "dots":
        layers += _dots(chest, waist, outfit)
    elif outfit.pattern in ("print", "jacket"):
        layers += _front(chest, waist, outfit)
    return layers


def _surface(ring: tuple[np.ndarray, np.ndarray], angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) around a ring, 0 in front, and how much they face the camera (N,)."""
    centre, axes = ring
    around = np.stack([np.sin(angles), np.zeros_like(angles), np.cos(angles)])
    spatial = axes @ around
    return centre + spatial[:2].T, -spatial[2]


def _nearest(ring: tuple[np.ndarray, np.ndarray]) -> float:
    """Angle around the ring that faces the camera."""
    axes = ring[1]
    return math.atan2(-axes[2, 0], -axes[2, 2])


def _between(a, c, share: float) -> tuple[np.ndarray, np.ndarray]:
    return a[0] + (c[0] - a[0]) * share, a[1] + (c[1] - a[1]) * share


def _bands(chest, waist, outfit: Outfit) -> list[Layer]:
    start = _nearest(chest)
    width = float(np.linalg.norm(chest[0] - waist[0])) * 0.13
    angles = start + _FRONT * 0.93
    return [
        (_surface(_between(chest, waist, share), angles)[0], outfit.accent, width)
        for share in (-0.1, 0.2, 0.5, 0.8, 1.1)
    ]


def _lines(chest, waist, outfit: Outfit, count: int) -> list[Layer]:
    start = _nearest(chest)
    width = float(np.linalg.norm(chest[1][:, 0])) * 0.1
    angles = start + np.linspace(-1.1, 1.1, 2 * count + 1)[1::2]
    top, bottom = _surface(chest, angles)[0], _surface(waist, angles)[0]
    return [(np.stack([t, u]), outfit.accent, width) for t, u in zip(top, bottom, strict=True)]


def _dots(chest, waist, outfit: Outfit) -> list[Layer]:
    start = _nearest(chest)
    radius = float(np.linalg.norm(chest[1][:, 0])) * 0.1
    layers = []
    for row, share in enumerate((0.0, 0.35, 0.7, 1.05)):
        angles = start + np.array([-0.75, 0.0, 0.75]) + 0.35 * (row % 2)
        points = _surface(_between(chest, waist, share), angles)[0]
        layers += [(disc(point, radius, 6), outfit.accent, 0.0) for point in points]
    return layers


def _front(chest, waist, outfit: Outfit) -> list[Layer]:
    """A print on the breast, or the strip of another shirt that an open jacket leaves."""
    jacket = outfit.pattern == "jacket"
    spread = 0.28 if jacket else 0.5
    angles = np.array([-spread, spread])
    (left, facing), (low, _) = _surface(chest, angles), _surface(waist, angles)
    if facing.min() < 0:
        return []
    if not jacket:
        left, low = left + (low - left) * 0.1, left + (low - left) * 0.6
    else:
        left, low = left - (low - left) * 0.25, low + (low - left) * 0.45
    quad = np.stack([left[0], left[1], low[1], low[0]])
    layers = [(quad, outfit.accent, 0.0)]
    if not jacket:
        middle = quad.mean(0)
        layers.append((middle + (quad - middle) * 0.5, mix(outfit.accent, outfit.shirt, 0.6), 0.0))
    return layers


def pelvis_layers(person: Body, outfit: Outfit, light: tuple[float, float]) -> list[Layer]:
    """The hips in trousers."""
    centre, axes = _rings(person)[2]
    return rounded(ellipse(centre, axes), outfit.trousers, light)


def skirt_outline(person: Body, outfit: Outfit) -> np.ndarray:
    """Outline of a skirt that hangs around both legs, (N, 2)."""
    centre, axes = _rings(person)[2]
    rings = [ellipse(centre, axes)]
    thigh, shank = min(outfit.skirt * 2, 1.0), max(outfit.skirt * 2 - 1, 0.0)
    for side in ("left", "right"):
        hip, knee, ankle = (person.points[J[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
        hem = hip + (knee - hip) * thigh + (ankle - knee) * shank
        rings.append(disc(hem, 0.06 * person.build.limb * float(person.scale[b.HIPS])))
    return hull(*rings)
