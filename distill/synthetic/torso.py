"""Shirt, hips and skirt of a body."""

import math

import numpy as np

from distill.synthetic import body as b
from distill.synthetic.appearance import Outfit, mix, shade
from distill.synthetic.body import Body, J
from distill.synthetic.paint import RIM_SHADE, Layer, Light, disc, ellipse, hull, inset

_FRONT = np.linspace(-math.pi / 2, math.pi / 2, 7)


Ring = tuple[np.ndarray, np.ndarray]
"Centre (2,) in pixels and half axes (3, 3) as columns, camera axes, pixels."


def body_rings(person: Body) -> list[Ring]:
    """Shoulders, waist and hips as ellipsoids."""
    build = person.build
    sizes = (
        (b.CHEST, person.torso_axes, (build.shoulder * 1.06, build.torso * 0.22, build.thickness)),
        (b.WAIST, person.torso_axes, (build.waist, build.torso * 0.2, build.thickness * 0.9)),
        (b.HIPS, person.hip_axes, (build.hip + 0.036 * build.limb, 0.06, build.thickness * 1.05)),
    )
    scale = person.scale.tolist()
    return [(person.points[i], axes * [length * scale[i] for length in size]) for i, axes, size in sizes]


def shirt_layers(rings: list[Ring], outfit: Outfit, light: Light) -> list[Layer]:
    """The upper body with its pattern; patterns wrap around it, prints and open jackets are in front only."""
    chest, waist, hips = rings
    middle = ellipse(*waist)
    upper = hull(ellipse(*chest), middle)
    lower = hull(middle, ellipse(hips[0] + (waist[0] - hips[0]) * 0.3, hips[1] * 0.93))
    dark = shade(outfit.shirt, RIM_SHADE)
    layers = [Layer(lower, dark), Layer(upper, dark)]
    layers += [Layer(outline, outfit.shirt) for outline in inset((lower, upper), light, 0.2)]
    if outfit.pattern in _PATTERNS:
        layers += _PATTERNS[outfit.pattern](chest, waist, outfit)
    return layers


def _surface(ring: Ring, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) around a ring, 0 in front, and how much they face the camera (N,)."""
    centre, axes = ring
    around = np.stack([np.sin(angles), np.zeros_like(angles), np.cos(angles)])
    spatial = axes @ around
    return centre + spatial[:2].T, -spatial[2]


def _nearest(ring: Ring) -> float:
    """Angle around the ring that faces the camera."""
    axes = ring[1]
    return math.atan2(-axes[2, 0], -axes[2, 2])


def _between(a: Ring, c: Ring, share: float) -> Ring:
    return a[0] + (c[0] - a[0]) * share, a[1] + (c[1] - a[1]) * share


def _bands(chest: Ring, waist: Ring, outfit: Outfit) -> list[Layer]:
    start = _nearest(chest)
    width = float(np.linalg.norm(chest[0] - waist[0])) * 0.13
    angles = start + _FRONT * 0.93
    return [
        Layer(_surface(_between(chest, waist, share), angles)[0], outfit.accent, width)
        for share in (-0.1, 0.2, 0.5, 0.8, 1.1)
    ]


def _lines(chest: Ring, waist: Ring, outfit: Outfit) -> list[Layer]:
    start = _nearest(chest)
    width = float(np.linalg.norm(chest[1][:, 0])) * 0.1
    angles = start + np.array([-0.75, 0.0, 0.75])
    top, bottom = _surface(chest, angles)[0], _surface(waist, angles)[0]
    return [Layer(np.array([t, u]), outfit.accent, width) for t, u in zip(top, bottom, strict=True)]


def _dots(chest: Ring, waist: Ring, outfit: Outfit) -> list[Layer]:
    start = _nearest(chest)
    radius = float(np.linalg.norm(chest[1][:, 0])) * 0.1
    layers = []
    for row, share in enumerate((0.0, 0.35, 0.7, 1.05)):
        angles = start + np.array([-0.75, 0.0, 0.75]) + 0.35 * (row % 2)
        points = _surface(_between(chest, waist, share), angles)[0]
        layers += [Layer(disc(point, radius, 6), outfit.accent) for point in points]
    return layers


def _front(chest: Ring, waist: Ring, outfit: Outfit) -> list[Layer]:
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
    quad = np.array([left[0], left[1], low[1], low[0]])
    layers = [Layer(quad, outfit.accent)]
    if not jacket:
        middle = quad.mean(0)
        layers.append(Layer(middle + (quad - middle) * 0.5, mix(outfit.accent, outfit.shirt, 0.6)))
    return layers


_PATTERNS = {"bands": _bands, "lines": _lines, "dots": _dots, "print": _front, "jacket": _front}


def skirt_outline(person: Body, outfit: Outfit) -> np.ndarray:
    """Outline of a skirt that hangs around both legs, (N, 2)."""
    centre, axes = body_rings(person)[2]
    rings = [ellipse(centre, axes)]
    thigh, shank = min(outfit.skirt * 2, 1.0), max(outfit.skirt * 2 - 1, 0.0)
    for side in ("left", "right"):
        hip, knee, ankle = (person.points[J[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
        hem = hip + (knee - hip) * thigh + (ankle - knee) * shank
        rings.append(disc(hem, 0.06 * person.build.limb * float(person.scale[b.HIPS])))
    return hull(*rings)
