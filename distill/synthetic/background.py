"""What stands around people: walls, floors, furniture, clutter, and things in front of them."""

import math
from random import Random

import cv2
import numpy as np

from distill.synthetic.appearance import Colour, any_colour, mix, shade, skin_colour
from distill.synthetic.paint import OVERSAMPLE, Layer, capsules, disc, ellipse
from distill.synthetic.textures import COUNT, SIDE, bank


def _ramp(dice: Random) -> np.ndarray:
    """(256, 1, 3) uint8: the colours of a texture from its lowest to its highest value."""
    first, second = any_colour(dice, vivid=0.06), any_colour(dice, vivid=0.06)
    second = mix(first, second, dice.uniform(0.15, 0.8))
    steps = np.linspace(0, 1, 256)[:, None]
    return (np.array(first) * (1 - steps) + np.array(second) * steps).astype(np.uint8)[:, None]


def _fill(canvas: np.ndarray, top: int, bottom: int, dice: Random) -> None:
    """Cover rows of the canvas with a coloured cut of a texture."""
    height, width = bottom - top, canvas.shape[1]
    columns = dice.choice((96, 160, 256, 400))
    rows = max(columns * height // width, 1)
    y, x = dice.randint(0, SIDE - rows), dice.randint(0, SIDE - columns)
    grey = bank()[dice.randrange(COUNT)][y : y + rows, x : x + columns]
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.cvtColor(cv2.applyColorMap(grey, _ramp(dice)), cv2.COLOR_RGB2RGBA, dst=canvas[top:bottom])


def blank(size: int, dice: Random) -> np.ndarray:
    """A canvas (2 size, 2 size, 4) uint8 with a wall, most times a floor, and nobody in it."""
    side = size * OVERSAMPLE
    canvas = np.empty((side, side, 4), np.uint8)
    horizon = int(side * dice.uniform(0.45, 0.9)) if dice.random() < 0.75 else side
    _fill(canvas, 0, horizon, dice)
    if horizon < side:
        _fill(canvas, horizon, side, dice)
    return canvas


def _box(x: float, y: float, width: float, height: float, lean: float = 0.0) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width + lean, y + height], [x + lean, y + height]])


def _furniture(dice: Random, size: int) -> list[Layer]:
    """A cupboard, shelf, table, window or door: boxes in boxes."""
    width, height = size * dice.uniform(0.12, 0.5), size * dice.uniform(0.12, 0.6)
    x, y = dice.uniform(-0.2, 0.9) * size, dice.uniform(0.1, 0.8) * size
    colour = any_colour(dice)
    layers: list[Layer] = [
        Layer(_box(x, y, width, height), shade(colour, 0.75)),
        Layer(_box(x + width * 0.04, y + height * 0.04, width * 0.92, height * 0.92), colour),
    ]
    rows, columns = dice.randint(1, 3), dice.randint(1, 3)
    inside = any_colour(dice) if dice.random() < 0.5 else shade(colour, dice.uniform(0.6, 1.3))
    for row in range(rows):
        for column in range(columns):
            cell = (x + width * (column + 0.15) / columns, y + height * (row + 0.15) / rows)
            layers.append(Layer(_box(*cell, width * 0.7 / columns, height * 0.7 / rows), inside))
    return layers


def _poles(dice: Random, size: int) -> list[Layer]:
    """Railings, trunks, pipes: parallel bars, straight and limb-like."""
    count = dice.randint(1, 4)
    angle = dice.choice((0.0, math.pi / 2, dice.uniform(0, math.pi)))
    length, radius = size * dice.uniform(0.2, 0.9), size * dice.uniform(0.006, 0.035)
    gap = max(radius * dice.uniform(2.5, 6), 2.0)
    start = np.array([dice.uniform(0, size), dice.uniform(0, size)])
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    a = start + across * (gap * np.arange(count)[:, None])
    radii = np.full(count, radius)
    colour = any_colour(dice)
    return [Layer(outline, colour, rim=0.22) for outline in capsules(a, a + along * length, radii, radii)]


def _blob(dice: Random, size: int) -> list[Layer]:
    """A ball, lamp, bush or leaf: an ellipse, at times in the colours of skin."""
    axes = np.diag([size * dice.uniform(0.01, 0.1), size * dice.uniform(0.01, 0.1), 0.0])
    angle = dice.uniform(0, math.pi)
    turn = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    colour = skin_colour(dice) if dice.random() < 0.25 else any_colour(dice)
    centre = np.array([dice.uniform(0, size), dice.uniform(0, size)])
    return [Layer(ellipse(centre, turn @ axes, 12), colour, rim=0.22)]


def _polygon(dice: Random, size: int) -> list[Layer]:
    centre = np.array([dice.uniform(0, size), dice.uniform(0, size)])
    count = dice.randint(3, 6)
    start, radius = dice.uniform(0, 6.28), size * dice.uniform(0.03, 0.2)
    angles = start + np.arange(count) * (2 * math.pi / count)
    stretch = (dice.uniform(0.3, 1.5), dice.uniform(0.3, 1.5))
    corners = np.stack([np.cos(angles), np.sin(angles)], 1)
    return [Layer(centre + radius * corners * stretch, any_colour(dice))]


def _wire(dice: Random, size: int) -> list[Layer]:
    points = np.array([[dice.uniform(0, size), dice.uniform(0, size)] for _ in range(dice.randint(2, 4))])
    return [Layer(points, any_colour(dice), size * dice.uniform(0.004, 0.02))]


_THINGS = ((_furniture, 5), (_poles, 3), (_blob, 4), (_polygon, 4), (_wire, 1))


def clutter(size: int, count: int, dice: Random) -> list[Layer]:
    """Layers of `count` things in the background."""
    functions, weights = zip(*_THINGS, strict=True)
    return [layer for function in dice.choices(functions, weights, k=count) for layer in function(dice, size)]


def obstacle(dice: Random, size: int, box: tuple[float, float, float, float]) -> list[Layer]:
    """Something that hides a part of the person in the box (x, y, width, height)."""
    x, y, width, height = box
    colour = any_colour(dice)
    kind = dice.random()
    if kind < 0.5:
        top = y + height * dice.uniform(0.45, 0.85)
        left = x + width * dice.uniform(-0.6, 0.5)
        wide = width * dice.uniform(0.5, 1.6)
        tall = height * dice.uniform(0.15, 0.6)
        lid = _box(left, top, wide, max(tall * 0.12, 1.0))
        return [Layer(_box(left, top, wide, tall), colour), Layer(lid, shade(colour, 1.25))]
    if kind < 0.75:
        centre = x + width * dice.uniform(0.0, 1.0)
        radius = size * dice.uniform(0.008, 0.035)
        ends = np.array([[[centre, y - height * 0.3]], [[centre + dice.gauss(0, 0.1) * width, y + height * 1.3]]])
        radii = np.array([radius])
        return [Layer(capsules(ends[0], ends[1], radii, radii)[0], colour, rim=0.22)]
    layers: list[Layer] = []
    for _ in range(dice.randint(2, 6)):
        centre = np.array([x + width * dice.uniform(0, 1), y + height * dice.uniform(0.55, 1.05)])
        radius = height * dice.uniform(0.03, 0.1)
        layers.append(Layer(disc(centre, radius, 7), shade(colour, dice.uniform(0.6, 1.3))))
    return layers


def seat(dice: Random, hips: np.ndarray, length: float, facing: float) -> tuple[list[Layer], list[Layer]]:
    """A seat under the hips: what is behind the person, and a backrest in front of one seen from behind.

    Args:
        hips: (2,) middle of the hips, pixels.
        length: standing height of the person, pixels.
        facing: 1 for a person who faces the camera, -1 for one seen from behind.
    """
    colour: Colour = any_colour(dice)
    width, drop = length * dice.uniform(0.2, 0.36), length * dice.uniform(0.22, 0.3)
    x, y = hips[0] - width / 2, hips[1] + length * 0.045
    behind: list[Layer] = [
        Layer(_box(x, y, width, length * 0.05), colour),
        Layer(_box(x + width * 0.08, y, width * 0.12, drop), shade(colour, 0.7)),
        Layer(_box(x + width * 0.8, y, width * 0.12, drop), shade(colour, 0.7)),
    ]
    if dice.random() < 0.3:
        behind.append(Layer(_box(x, y, width, drop), shade(colour, 0.85)))
    rest: list[Layer] = []
    if dice.random() < 0.6:
        tall = length * dice.uniform(0.12, 0.3)
        rest.append(Layer(_box(x, y - tall, width, tall), shade(colour, 1.1)))
    if facing < -0.4:
        return behind, rest
    return rest + behind, []
