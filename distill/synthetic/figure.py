"""A dressed body as a list of flat parts, each with its depth."""

from dataclasses import dataclass

import numpy as np

from distill.synthetic import body as b
from distill.synthetic.appearance import Colour, Outfit, shade
from distill.synthetic.body import Body, J
from distill.synthetic.face import head_layers, mane_layers
from distill.synthetic.paint import Layer, capsules, ellipse, hull, rounded
from distill.synthetic.torso import pelvis_layers, shirt_layers, skirt_outline

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
_LEAD = np.repeat([0.03, 0.035, 0.04, 0.0, 0.0, 0.01], 2)


@dataclass
class Part:
    """One flat part of a person."""

    depth: float
    "Distance for the painter's order, standing heights; larger is farther."
    number: int
    layers: list[Layer]


def _sleeves(covered: float, upper: tuple[float, ...]) -> tuple[float, float]:
    """Covered shares of the upper and of the lower bone of a limb whose covered share is given."""
    joint = upper[0] / (upper[0] + upper[1])
    return min(covered / joint, 1.0), min(max((covered - joint) / (1 - joint), 0.0), 1.0)


def figure(person: Body, outfit: Outfit, light: tuple[float, float]) -> list[Part]:
    """The parts of a dressed body, the farthest first."""
    build = person.build
    starts, stops = person.points[_BARS[:, 0]], person.points[_BARS[:, 1]]
    radii = _RADII * build.limb * person.scale[_BARS]
    bars = capsules(starts, stops, radii[:, 0], radii[:, 1])
    depths = (person.depth[_BARS[:, 0]] + person.depth[_BARS[:, 1]]) / 2 - _LEAD
    parts = [
        Part(float(depths[i]), LEFT_UPPER_ARM + i, layers)
        for i, layers in enumerate(_limb_layers(outfit, build, bars, starts, stops, radii, light))
    ]
    parts += _trunk(person, outfit, light)
    parts.sort(key=lambda part: -part.depth)
    return parts


def _limb_layers(outfit, build, bars, starts, stops, radii, light) -> list[list[Layer]]:
    """Layers of the twelve bars: bare or covered, sleeves and trouser legs on top."""
    arm = _sleeves(outfit.sleeve, (build.upper_arm, build.forearm))
    leg = _sleeves(outfit.leg, (build.thigh, build.shank))
    cover = np.repeat([arm[0], arm[1], 0.0, leg[0], leg[1], 1.0], 2)
    cloth: list[Colour] = [outfit.shirt] * 6 + [outfit.trousers] * 4 + [outfit.shoes] * 2
    ends = starts + (stops - starts) * cover[:, None]
    wide = np.stack([radii[:, 0], radii[:, 0] + (radii[:, 1] - radii[:, 0]) * cover], 1) * 1.12
    sleeves = capsules(starts, ends, wide[:, 0], wide[:, 1])
    result = []
    for i in range(len(bars)):
        layers: list[Layer] = []
        if cover[i] < 1:
            layers += rounded(bars[i], outfit.skin, light)
        if cover[i] > 0:
            layers += rounded(sleeves[i], cloth[i], light)
        result.append(layers)
    return result


def _trunk(person: Body, outfit: Outfit, light: tuple[float, float]) -> list[Part]:
    build, points, depth, scale = person.build, person.points, person.depth, person.scale
    neck = capsules(
        points[None, b.NECK],
        points[None, b.HEAD],
        np.array([0.034 * build.limb * scale[b.NECK]]),
        np.array([0.03 * build.limb * scale[b.HEAD]]),
    )[0]
    parts = [
        Part(float(depth[b.NECK]) - 0.005, NECK, rounded(neck, shade(outfit.skin, 0.88), light)),
        Part(float(depth[b.HEAD]) - 0.02, HEAD, head_layers(person, outfit, light)),
        Part(float(depth[b.CHEST] + depth[b.WAIST]) / 2 - 0.01, TORSO, shirt_layers(person, outfit, light)),
        Part(float(depth[b.HIPS]) - 0.005, PELVIS, pelvis_layers(person, outfit, light)),
    ]
    if outfit.skirt:
        outline = skirt_outline(person, outfit)
        knees = float(depth[J["left_knee"]] + depth[J["right_knee"]]) / 2
        front = min(float(depth[b.HIPS]), knees) - 0.06
        parts.append(Part(front, SKIRT, rounded(outline, outfit.trousers, light, 0.14)))
    if outfit.long_hair and not outfit.bald:
        back = person.depth[b.HEAD] + 0.08 * float(person.head_axes[2] @ (0.0, 0.0, -1.0))
        parts.append(Part(float(back), MANE, mane_layers(person, outfit, light)))
    if outfit.backpack:
        away = person.torso_axes @ (0.0, 0.0, -(build.thickness + 0.035))
        size = np.diag([build.shoulder * 0.8, build.torso * 0.36, 0.045]) * scale[b.CHEST]
        centre = (points[b.CHEST] + points[b.WAIST]) / 2 + away[:2] * scale[b.CHEST]
        outline = ellipse(centre, person.torso_axes @ size, 12)
        own = hull(outline, ellipse(centre, person.torso_axes @ size * 1.1, 4))
        parts.append(Part(float(depth[b.CHEST] + away[2]), BACKPACK, rounded(own, outfit.backpack, light, 0.15)))
    return parts
