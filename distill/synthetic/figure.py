"""A dressed body as a list of flat parts, each with its depth."""

from dataclasses import dataclass

import numpy as np

from distill.synthetic import body as b
from distill.synthetic.appearance import Colour, Outfit, shade
from distill.synthetic.body import Body, J
from distill.synthetic.face import head_layers, mane_layers
from distill.synthetic.paint import Layer, Light, capsules, ellipse
from distill.synthetic.torso import body_rings, shirt_layers, skirt_outline

TORSO, PELVIS, SKIRT, NECK, HEAD, MANE, BACKPACK = range(7)
LEFT_UPPER_ARM, RIGHT_UPPER_ARM, LEFT_FOREARM, RIGHT_FOREARM, LEFT_HAND, RIGHT_HAND = range(7, 13)
LEFT_THIGH, RIGHT_THIGH, LEFT_SHANK, RIGHT_SHANK, LEFT_FOOT, RIGHT_FOOT = range(13, 19)
PARTS = 19
_BARS = np.array(
    [
        *((J["left_shoulder"], J["left_elbow"]), (J["right_shoulder"], J["right_elbow"])),
        *((J["left_elbow"], J["left_wrist"]), (J["right_elbow"], J["right_wrist"])),
        *((J["left_wrist"], b.LEFT_HAND), (J["right_wrist"], b.RIGHT_HAND)),
        *((J["left_hip"], J["left_knee"]), (J["right_hip"], J["right_knee"])),
        *((J["left_knee"], J["left_ankle"]), (J["right_knee"], J["right_ankle"])),
        *((J["left_ankle"], b.LEFT_TOE), (J["right_ankle"], b.RIGHT_TOE)),
    ]
)
_RADII = np.repeat(
    [[0.034, 0.027], [0.026, 0.019], [0.021, 0.017], [0.052, 0.038], [0.038, 0.023], [0.027, 0.022]], 2, axis=0
)
_NECK = np.array([0.034, 0.03])
_LEAD = np.repeat([0.03, 0.035, 0.04, 0.0, 0.0, 0.01], 2)


@dataclass
class Part:
    """One flat part of a person."""

    depth: float
    "Distance for the painter's order, standing heights; larger is farther."
    number: int
    layers: list[Layer]


def figure(person: Body, outfit: Outfit, light: Light) -> list[Part]:
    """The parts of a dressed body, the farthest first."""
    depths = (person.depth[_BARS[:, 0]] + person.depth[_BARS[:, 1]]) / 2 - _LEAD
    order = depths.tolist()
    bars, sleeves, cover, neck = _bars(person, outfit)
    cloth: list[Colour] = [outfit.shirt] * 6 + [outfit.trousers] * 4 + [outfit.shoes] * 2
    parts = [Part(float(person.depth[b.NECK]) - 0.005, NECK, [Layer(neck, shade(outfit.skin, 0.88))])]
    for i, (bar, sleeve, covered) in enumerate(zip(bars, sleeves, cover, strict=True)):
        layers = [] if covered >= 1 else [Layer(bar, outfit.skin, rim=0.22)]
        if covered > 0:
            layers.append(Layer(sleeve, cloth[i], rim=0.22))
        parts.append(Part(order[i], LEFT_UPPER_ARM + i, layers))
    parts += _trunk(person, outfit, light)
    if outfit.skirt:
        front = min(float(person.depth[b.HIPS]), *order[6:8]) - 0.02
        parts.append(Part(front, SKIRT, [Layer(skirt_outline(person, outfit), outfit.trousers, rim=0.14)]))
    if outfit.backpack:
        parts.append(_backpack(person, outfit.backpack))
    parts.sort(key=lambda part: -part.depth)
    return parts


def _bars(person: Body, outfit: Outfit) -> tuple[np.ndarray, np.ndarray, list[float], np.ndarray]:
    """Outlines of the twelve bars bare and covered, (12, 12, 2) each, how far they are covered, and the neck."""
    build, scale = person.build, person.scale
    a, c = person.points[_BARS[:, 0]], person.points[_BARS[:, 1]]
    radii = _RADII * build.limb * scale[_BARS]
    arm = _sleeves(outfit.sleeve, build.upper_arm, build.forearm)
    leg = _sleeves(outfit.leg, build.thigh, build.shank)
    cover = [arm[0], arm[0], arm[1], arm[1], 0.0, 0.0, leg[0], leg[0], leg[1], leg[1], 1.0, 1.0]
    share = np.array(cover)
    wide = 1.12 * radii[:, 0], 1.12 * (radii[:, 0] + (radii[:, 1] - radii[:, 0]) * share)
    neck = person.points[[b.NECK, b.HEAD]], _NECK * build.limb * scale[[b.NECK, b.HEAD]]
    outlines = capsules(
        np.concatenate([a, a, neck[0][:1]]),
        np.concatenate([c, a + (c - a) * share[:, None], neck[0][1:]]),
        np.concatenate([radii[:, 0], wide[0], neck[1][:1]]),
        np.concatenate([radii[:, 1], wide[1], neck[1][1:]]),
    )
    return outlines[:12], outlines[12:24], cover, outlines[24]


def _sleeves(covered: float, upper: float, lower: float) -> tuple[float, float]:
    """Covered shares of the upper and of the lower bone of a limb whose covered share is given."""
    joint = upper / (upper + lower)
    return min(covered / joint, 1.0), min(max((covered - joint) / (1 - joint), 0.0), 1.0)


def _trunk(person: Body, outfit: Outfit, light: Light) -> list[Part]:
    depth = person.depth
    rings = body_rings(person)
    parts = [
        Part(float(depth[b.HEAD]) - 0.02, HEAD, head_layers(person, outfit)),
        Part(float(depth[b.CHEST] + depth[b.WAIST]) / 2 - 0.01, TORSO, shirt_layers(rings, outfit, light)),
        Part(float(depth[b.HIPS]) - 0.005, PELVIS, [Layer(ellipse(*rings[2]), outfit.trousers, rim=0.22)]),
    ]
    if outfit.long_hair and not outfit.bald:
        back = float(depth[b.HEAD]) - 0.08 * float(person.head_axes[2, 2])
        parts.append(Part(back, MANE, mane_layers(person, outfit)))
    return parts


def _backpack(person: Body, colour: Colour) -> Part:
    build, scale = person.build, float(person.scale[b.CHEST])
    away = person.torso_axes @ (0.0, 0.0, -(build.thickness + 0.035))
    axes = person.torso_axes * (np.array([build.shoulder * 0.8, build.torso * 0.36, 0.045]) * scale)
    centre = (person.points[b.CHEST] + person.points[b.WAIST]) / 2 + away[:2] * scale
    return Part(float(person.depth[b.CHEST] + away[2]), BACKPACK, [Layer(ellipse(centre, axes, 12), colour, rim=0.15)])
