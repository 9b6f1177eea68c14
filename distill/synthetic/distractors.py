"""Things that look like people or like parts of them and are not annotated."""

import math
from random import Random

import numpy as np

from distill.synthetic.appearance import Outfit, any_colour, sample_outfit, shade, skin_colour, stone
from distill.synthetic.body import HEAD, Body, pose_body, sample_build
from distill.synthetic.figure import figure
from distill.synthetic.paint import NOBODY, OVERSAMPLE, Layer, Light, capsules, disc, ellipse, paint
from distill.synthetic.pose import sample_pose, sample_yaw


def _limb(canvas: np.ndarray, size: int, dice: Random, light: Light) -> None:
    """An arm with a hand or a leg with a shoe, without anybody."""
    skin, cloth = skin_colour(dice), any_colour(dice)
    unit = size * dice.uniform(0.35, 1.0)
    leg = dice.random() < 0.5
    upper, lower, end = (0.23, 0.23, 0.09) if leg else (0.17, 0.14, 0.06)
    angle = dice.uniform(-math.pi, math.pi)
    points = [np.array([dice.uniform(0, size), dice.uniform(0, size)])]
    for length, turn in ((upper, 0.0), (lower, dice.uniform(-1.6, 1.6)), (end, 1.4 if leg else 0.2)):
        angle += turn
        points.append(points[-1] + unit * length * np.array([math.cos(angle), math.sin(angle)]))
    joints = np.array(points)
    radii = unit * (np.array([0.052, 0.036, 0.024, 0.02]) if leg else np.array([0.033, 0.026, 0.02, 0.018]))
    bars = capsules(joints[:-1], joints[1:], radii[:-1], radii[1:])
    first = dice.randint(0, 1)
    colours = (cloth, dice.choice((skin, cloth)), shade(cloth, 0.5) if leg else skin)
    pieces = zip(bars[first:], colours[first:], strict=True)
    paint(canvas, [Layer(outline, colour, rim=0.22) for outline, colour in pieces], NOBODY, light)


def _ball(canvas: np.ndarray, size: int, dice: Random, light: Light) -> None:
    """A ball or wig stand with the colours of a head, but no face."""
    radius = size * dice.uniform(0.025, 0.075)
    centre = np.array([dice.uniform(0, size), dice.uniform(0, size)])
    axes = np.diag([radius * dice.uniform(0.75, 1.0), radius, 0.0])
    layers = [Layer(ellipse(centre, axes), skin_colour(dice), rim=0.22)]
    if dice.random() < 0.5:
        layers.append(Layer(disc(centre - (0, radius * 0.5), radius * 0.7), any_colour(dice)))
    paint(canvas, layers, NOBODY, light)


def _garment(canvas: np.ndarray, size: int, dice: Random, light: Light) -> None:
    """A shirt or a pair of trousers on a line."""
    colour = any_colour(dice)
    unit = size * dice.uniform(0.35, 0.9)
    x, y = dice.uniform(0.05, 0.95) * size, dice.uniform(0.0, 0.8) * size
    half, tall = unit * 0.1, unit * 0.27
    layers = [Layer(np.array([[x - size, y], [x + size, y]]), (60, 60, 60), size * 0.005)]
    starts = np.array([[x - half, y], [x + half, y]])
    if dice.random() < 0.6:
        body = np.array([[x - half, y], [x + half, y], [x + half * 0.9, y + tall], [x - half * 0.9, y + tall]])
        stops = starts + unit * np.array([[-0.08, 0.13], [0.08, 0.13]])
        radii = np.full(2, unit * 0.032)
        layers.append(Layer(body, colour, rim=0.2))
    else:
        stops = starts + unit * np.array([[-0.01, 0.42], [0.01, 0.42]])
        radii = np.full(2, unit * 0.05)
        starts[:, 0] = x + np.array([-0.5, 0.5]) * half
    layers += [Layer(outline, colour, rim=0.22) for outline in capsules(starts, stops, radii, radii)]
    paint(canvas, layers, NOBODY, light)


def _body(height: float, dice: Random) -> Body:
    """A body of the given standing height, its middle at the origin."""
    body = pose_body(
        sample_build(dice),
        sample_pose(dice),
        yaw=sample_yaw(dice),
        tilt=dice.uniform(-0.1, 0.3),
        roll=0.0,
        height=height,
        distance=6.0,
    )
    body.move(*(-(body.points.min(0) + body.points.max(0)) / 2))
    return body


def _paint_figure(canvas: np.ndarray, body: Body, outfit: Outfit, light: Light) -> None:
    layers = [layer for part in figure(body, outfit, light) for layer in part.layers]
    paint(canvas, layers, NOBODY, light)


def _statue(canvas: np.ndarray, size: int, dice: Random, light: Light) -> None:
    """A figure of one colour on a plinth."""
    height = size * dice.uniform(0.3, 0.9)
    body, outfit = _body(height, dice), stone(dice)
    foot = body.points[:, 1].max()
    x, y = dice.uniform(0, size), dice.uniform(0.3, 0.95) * size
    body.move(x, y - foot)
    half = height * dice.uniform(0.12, 0.2)
    plinth = np.array([[x - half, y], [x + half, y], [x + half, y + height], [x - half, y + height]])
    paint(canvas, [Layer(plinth, shade(outfit.skin, 0.7))], NOBODY, light)
    _paint_figure(canvas, body, outfit, light)


def _poster(canvas: np.ndarray, size: int, dice: Random, light: Light) -> None:
    """A framed picture or screen that shows a person, often cut by the frame."""
    width = int(size * dice.uniform(0.14, 0.34))
    height = int(width * dice.uniform(0.9, 1.7))
    x, y = int(dice.uniform(-0.05, 0.9) * size), int(dice.uniform(-0.05, 0.6) * size)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + width, size), min(y + height, size)
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    edge = max(size * 0.015, 1.0)
    frame = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
    outer = frame + edge * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    paint(canvas, [Layer(outer, any_colour(dice))], NOBODY, light)
    paper = any_colour(dice)
    window = canvas[y0 * OVERSAMPLE : y1 * OVERSAMPLE, x0 * OVERSAMPLE : x1 * OVERSAMPLE]
    window[:] = (*paper, NOBODY)
    body, outfit = _body(height * dice.uniform(0.7, 2.2), dice), sample_outfit(dice)
    close = dice.random() < 0.5
    focus = body.points[HEAD] if close else np.zeros(2)
    body.move(*(np.array([width / 2, height * (0.4 if close else 0.5)]) - focus))
    _paint_figure(window, body, outfit, light)


_KINDS = ((_limb, 9), (_ball, 3), (_garment, 3), (_statue, 4), (_poster, 5))


def add_distractors(canvas: np.ndarray, size: int, count: int, dice: Random, light: Light) -> None:
    """Paint `count` distractors behind the people: limbs, balls, garments, statues, posters."""
    functions, weights = zip(*_KINDS, strict=True)
    for function in dice.choices(functions, weights, k=count):
        function(canvas, size, dice, light)
