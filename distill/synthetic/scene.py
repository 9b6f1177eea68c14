"""Scenes of synthetic people with exact keypoints, visibility by true occlusion, and outlines."""

import math
from dataclasses import dataclass
from random import Random

import cv2
import numpy as np

from distill.synthetic import visibility
from distill.synthetic.appearance import Outfit, sample_outfit
from distill.synthetic.background import blank, clutter, obstacle, seat
from distill.synthetic.body import HIPS, Body, pose_body, sample_build
from distill.synthetic.config import SceneConfig
from distill.synthetic.distractors import add_distractors
from distill.synthetic.figure import PARTS, Part, figure
from distill.synthetic.paint import NOBODY, Layer, Light, paint
from distill.synthetic.placement import place
from distill.synthetic.pose import sample_pose, sample_yaw
from distill.synthetic.textures import SIDE, film
from distill.system.errors import InputError

_ATTEMPTS = 6
_FEWEST_JOINTS = 4
_LEAST_AREA = 0.02


@dataclass
class Scene:
    """A picture and all that is known of the P people in it."""

    image: np.ndarray
    "(H, W, 3) uint8 RGB."
    keypoints: np.ndarray
    "(P, 17, 3) float32: x, y in continuous pixels, visibility 0, 1 or 2; zeros where not labelled."
    masks: np.ndarray
    "(P, H, W) bool, the visible outline of each person."
    standing_heights: np.ndarray
    "(P,) float32, pixels from head to heel if the person stood upright."
    truncated: np.ndarray
    "(P,) bool, whether a joint lies outside the picture."
    distractors: int
    "Number of things that look like people and are not annotated."


@dataclass
class _Person:
    body: Body
    outfit: Outfit
    parts: list[Part]
    behind: list[Layer]
    before: list[Layer]


def draw_scene(config: SceneConfig, seed: int, index: int) -> Scene:
    """Scene number `index` of the endless series `seed`; the same arguments give the same scene.

    Raises:
        InputError: seed or index is negative.
    """
    if seed < 0 or index < 0:
        raise InputError(f"seed {seed} and index {index} must not be negative")
    dice = Random(int(np.random.default_rng([seed, index]).integers(2**63)))
    for _ in range(_ATTEMPTS):
        canvas, scene = _attempt(config, dice)
        if _recognisable(scene):
            break
    scene.image = _photograph(canvas, config.size, dice)
    return scene


def _recognisable(scene: Scene) -> bool:
    """Whether every person shows four joints and a fifth or so of a standing body's area."""
    if not len(scene.masks):
        return True
    seen = (scene.keypoints[:, :, 2] == 2).sum(1)
    area = scene.masks.sum((1, 2)) / scene.standing_heights**2
    return bool(seen.min() >= _FEWEST_JOINTS and area.min() > _LEAST_AREA)


def _attempt(config: SceneConfig, dice: Random) -> tuple[np.ndarray, Scene]:
    """A painted canvas and what is known of it; the picture itself is still empty."""
    size = config.size
    angle, strength = dice.uniform(-math.pi, 0), dice.uniform(0.3, 1.0)
    light = (math.cos(angle) * strength, math.sin(angle) * strength)
    canvas = blank(size, dice)
    paint(canvas, clutter(size, dice.randint(0, 2 * config.clutter), dice), NOBODY, light)
    distractors = _count(config.distractors, dice)
    add_distractors(canvas, size, distractors, dice, light)
    people = _people(config, dice, light)
    _paint(canvas, people, light)
    people_map = cv2.extractChannel(canvas, 3)
    labels = [visibility.label(p.body, p.outfit, p.parts, people_map, n) for n, p in enumerate(people)]
    points = np.array([p.body.points[:17] for p in people]).reshape(-1, 17, 2)
    return canvas, Scene(
        image=np.empty((0, 0, 3), np.uint8),
        keypoints=np.array(labels, np.float32).reshape(-1, 17, 3),
        masks=_masks(people_map, len(people), size),
        standing_heights=np.array([p.body.scale[HIPS] for p in people], np.float32),
        truncated=((points < 0) | (points >= size)).any((1, 2)),
        distractors=distractors,
    )


def _count(mean: float, dice: Random) -> int:
    """A whole number of the given mean, spread evenly from 0 to twice the mean."""
    value = dice.uniform(0, 2 * mean)
    return int(value) + (dice.random() < value % 1)


def _people(config: SceneConfig, dice: Random, light: Light) -> list[_Person]:
    """The people of a scene, the farthest first, each with what stands before and behind."""
    size = config.size
    count = dice.randint(config.min_persons, config.max_persons)
    tilt, distance = dice.uniform(-0.12, 0.35), dice.uniform(3.0, 10.0)
    bodies = [
        pose_body(
            sample_build(dice),
            sample_pose(dice),
            yaw=sample_yaw(dice),
            tilt=tilt,
            roll=dice.gauss(0, 0.07),
            height=size * dice.uniform(config.min_height, config.max_height),
            distance=distance,
        )
        for _ in range(count)
    ]
    bodies.sort(key=lambda body: body.scale[HIPS] * dice.uniform(0.75, 1.3))
    place(bodies, size, config.min_overlap, config.cut, dice)
    people = []
    for body in bodies:
        outfit = sample_outfit(dice)
        behind, before = [], []
        if body.pose.seated:
            facing = -float(body.hip_axes[2, 2])
            behind, before = seat(dice, body.points[HIPS], float(body.scale[HIPS]), facing)
        if dice.random() < config.obstacles:
            low, high = body.points.min(0), body.points.max(0)
            before = before + obstacle(dice, size, (*low, *(high - low)))
        people.append(_Person(body, outfit, figure(body, outfit, light), behind, before))
    return people


def _paint(canvas: np.ndarray, people: list[_Person], light: Light) -> None:
    layers: list[Layer] = []
    identities: list[int] = []
    for number, person in enumerate(people):
        layers += person.behind
        identities += [NOBODY] * len(person.behind)
        for part in person.parts:
            layers += part.layers
            identities += [number * PARTS + part.number] * len(part.layers)
        layers += person.before
        identities += [NOBODY] * len(person.before)
    paint(canvas, layers, identities, light)


def _masks(people_map: np.ndarray, count: int, size: int) -> np.ndarray:
    """(count, size, size) bool: pixels of which each person covers half or more; ties go to the nearer one."""
    owner = np.full(256, NOBODY, np.uint8)
    owner[: count * PARTS] = np.repeat(np.arange(count), PARTS)
    owners = cv2.LUT(people_map, owner)
    masks = np.empty((count, size, size), bool)
    free = np.ones((size, size), bool)
    for number in reversed(range(count)):
        own = cv2.compare(owners, number, cv2.CMP_EQ)
        masks[number] = free & (cv2.resize(own, (size, size), interpolation=cv2.INTER_AREA) >= 127)
        free &= ~masks[number]
    return masks


def _photograph(canvas: np.ndarray, size: int, dice: Random) -> np.ndarray:
    """The picture (size, size, 3) uint8 as a camera takes it: light, contrast, blur, noise."""
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    image = cv2.cvtColor(small, cv2.COLOR_RGBA2RGB)
    if dice.random() < 0.3:
        image = cv2.GaussianBlur(image, (3, 3), dice.uniform(0.4, 0.9))
    corners = np.array([[dice.uniform(0.7, 1.2) for _ in range(2)] for _ in range(2)], np.float32)
    shading = cv2.resize(corners, (size, size), interpolation=cv2.INTER_LINEAR)
    x, y = dice.randint(0, SIDE - size), dice.randint(0, SIDE - size)
    grain = film()[y : y + size, x : x + size]
    gain = dice.uniform(0.8, 1.1)
    tint = [gain * dice.uniform(0.94, 1.06) for _ in range(3)]
    factor = cv2.merge([shading * t for t in tint])
    image = cv2.multiply(image, factor, dtype=cv2.CV_16S)
    strength = dice.uniform(0.0, 0.5)
    return cv2.addWeighted(image, 1.0, grain, strength, dice.uniform(-12, 12), dtype=cv2.CV_8U)
