"""Bodies: proportions, the chain of bones in three dimensions, and their projection.

Body axes are (left, up, forward) as the person has them; lengths are fractions of the standing height.
Camera axes are x right, y down, z away from the camera. Points are seen in weak perspective.
"""

import math
from dataclasses import dataclass
from random import Random

import numpy as np

from distill.pose.skeleton import COCO_17
from distill.synthetic.pose import Pose

J = {name: index for index, name in enumerate(COCO_17.joints)}
NECK, HEAD, LEFT_HAND, RIGHT_HAND, LEFT_TOE, RIGHT_TOE, CHEST, WAIST, HIPS, MOUTH = range(17, 27)
_POINTS = 27
_SIDE = np.array([1.0, -1.0, 1.0, -1.0])
_FLEX = np.array([1.0, 1.0, -1.0, -1.0])
_FACE = np.array([[0, -0.12, 1.1], [0.4, 0.12, 0.86], [-0.4, 0.12, 0.86], [1.0, 0.0, -0.08], [-1.0, 0.0, -0.08]])
_MOUTH = np.array([0, -0.52, 0.82])


@dataclass(frozen=True)
class Build:
    """Lengths and half widths of one body, fractions of the standing height."""

    shank: float
    thigh: float
    torso: float
    neck: float
    upper_arm: float
    forearm: float
    hand: float
    foot: float
    shoulder: float
    hip: float
    waist: float
    thickness: float
    limb: float
    head: tuple[float, float, float]
    "Half axes of the head: left, up, forward."


def sample_build(dice: Random) -> Build:
    """A body: slim or stout, long-legged or short-legged, and now and then a child with a large head."""
    child = dice.random() < 0.15
    stout = dice.triangular(0.8, 1.4, 1.0)
    leg = dice.gauss(1.0, 0.05) * (0.9 if child else 1.0)
    arm = leg * dice.gauss(1.0, 0.04)
    head = dice.uniform(1.0, 1.2) * (1.35 if child else 1.0)
    torso = 0.29 * dice.gauss(1.0, 0.05)
    shank, thigh, neck = 0.245 * leg, 0.245 * leg, 0.05
    whole = 0.035 + shank + thigh + torso + neck + 0.125 * head
    unit = 1.0 / whole
    half = 0.0645 * head * unit
    return Build(
        shank=shank * unit,
        thigh=thigh * unit,
        torso=torso * unit,
        neck=neck * unit,
        upper_arm=0.178 * arm * unit,
        forearm=0.148 * arm * unit,
        hand=0.065 * arm * unit,
        foot=0.1 * leg * unit,
        shoulder=0.112 * dice.gauss(1.0, 0.07) * (0.5 + 0.5 * stout) * unit,
        hip=0.068 * dice.gauss(1.0, 0.07) * (0.6 + 0.4 * stout) * unit,
        waist=0.078 * dice.gauss(1.0, 0.07) * stout * unit,
        thickness=0.062 * stout * unit,
        limb=(0.45 + 0.55 * stout) * dice.uniform(0.95, 1.15) * unit,
        head=(half * dice.uniform(0.7, 0.8), half, half * dice.uniform(0.82, 0.92)),
    )


def rotation(turn: float, forwards: float, sideways: float) -> np.ndarray:
    """(3, 3) matrix in body axes: turn to the own left, lean forwards, lean to the own left, radians."""
    c, s = math.cos(turn), math.sin(turn)
    d, t = math.cos(forwards), math.sin(forwards)
    e, u = math.cos(sideways), math.sin(sideways)
    return np.array(
        [
            [c * e - s * t * u, c * u + s * t * e, s * d],
            [-d * u, d * e, -t],
            [-s * e - c * t * u, c * t * e - s * u, c * d],
        ]
    )


@dataclass
class Body:
    """A posed body in camera axes, in pixels."""

    build: Build
    pose: Pose
    points: np.ndarray
    "(27, 2) float64: the COCO joints, then neck, head, hands, toes, chest, waist, hips, mouth."
    depth: np.ndarray
    "(27,) depth of the points, larger is farther, in standing heights."
    scale: np.ndarray
    "(27,) pixels of one standing height at each point."
    torso_axes: np.ndarray
    "(3, 3) body axes of the torso (columns) in camera axes."
    hip_axes: np.ndarray
    "(3, 3) body axes of the pelvis."
    head_axes: np.ndarray
    "(3, 3) body axes of the head."

    def move(self, x: float, y: float) -> None:
        """Shift the body by x, y pixels."""
        self.points += (x, y)

    def facing(self, direction: tuple[float, float, float]) -> float:
        """How far a direction of the head (left, up, forward) points at the camera: 1 straight, -1 away."""
        return -float(self.head_axes[2] @ direction)


def _bones(build: Build, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Body axes (4, 3) of upper bone, lower bone and hand or foot of the four limbs."""
    angles = np.array([(limb.swing, limb.spread, limb.twist, limb.bend) for limb in pose.limbs])
    sine, cosine = np.sin(angles), np.cos(angles)
    upper, ahead, inwards = np.zeros((3, 4, 3))
    upper[:, 0] = _SIDE * sine[:, 1]
    upper[:, 1] = -cosine[:, 1] * cosine[:, 0]
    upper[:, 2] = cosine[:, 1] * sine[:, 0]
    ahead[:, 1] = sine[:, 0]
    ahead[:, 2] = cosine[:, 0]
    inwards[:, 0] = _SIDE * (upper[:, 1] * ahead[:, 2] - upper[:, 2] * ahead[:, 1])
    inwards[:, 1] = -sine[:, 1] * ahead[:, 2]
    inwards[:, 2] = sine[:, 1] * ahead[:, 1]
    flexion = _FLEX[:, None] * (cosine[:, 2:3] * ahead + sine[:, 2:3] * inwards)
    lower = cosine[:, 3:4] * upper + sine[:, 3:4] * flexion
    end = lower.copy()
    toes = sine[2:, 3:4] * upper[2:] + cosine[2:, 3:4] * ahead[2:] + 0.3 * lower[2:]
    end[2:] = toes / np.linalg.norm(toes, axis=1, keepdims=True)
    return upper, lower, end


def pose_body(
    build: Build, pose: Pose, *, yaw: float, tilt: float, roll: float, height: float, distance: float
) -> Body:
    """The body as the camera sees it, its hips at the origin.

    Args:
        yaw: direction faced, radians; 0 the camera, pi / 2 the right edge of the picture.
        tilt: how far the camera looks down, radians.
        roll: turn in the picture plane, radians.
        height: pixels of the standing height.
        distance: of the camera, standing heights.
    """
    upper, lower, end = _bones(build, pose)
    torso = rotation(*pose.torso)
    head = torso @ rotation(*pose.head)
    half = np.array(build.head)
    local = np.zeros((_POINTS, 3))
    for bone in (upper, lower, end):
        bone[:2] = bone[:2] @ torso.T
    roots = np.array([[1, build.torso, 0], [-1, build.torso, 0], [build.hip, 0, 0], [-build.hip, 0, 0]])
    roots[:2] = roots[:2] * (build.shoulder, 1, 1) @ torso.T
    bent = roots + upper * np.array([build.upper_arm, build.upper_arm, build.thigh, build.thigh])[:, None]
    ends = bent + lower * np.array([build.forearm, build.forearm, build.shank, build.shank])[:, None]
    tips = ends + end * np.array([build.hand, build.hand, build.foot, build.foot])[:, None]
    local[5:7], local[7:9], local[9:11] = roots[:2], bent[:2], ends[:2]
    local[11:13], local[13:15], local[15:17] = roots[2:], bent[2:], ends[2:]
    local[LEFT_HAND : RIGHT_TOE + 1] = tips
    local[NECK] = torso @ (0.0, build.torso + 0.01, 0.0)
    centre = local[NECK] + torso @ (0.0, build.neck * 0.6, 0.008) + head @ (0.0, half[1] * 0.95, 0.01)
    local[HEAD] = centre
    local[0:5] = centre + (_FACE * half) @ head.T
    local[MOUTH] = centre + head @ (_MOUTH * half)
    local[CHEST] = torso @ (0.0, build.torso * 0.82, 0.0)
    local[WAIST] = torso @ (0.0, build.torso * 0.38, 0.0)
    camera = _camera(yaw, tilt, roll)
    seen = local @ camera.T
    scale = height / (1.0 + seen[:, 2] / distance)
    return Body(build, pose, seen[:, :2] * scale[:, None], seen[:, 2], scale, camera @ torso, camera, camera @ head)


def _camera(yaw: float, tilt: float, roll: float) -> np.ndarray:
    """(3, 3) body axes to camera axes."""
    c, s = math.cos(tilt), math.sin(tilt)
    look = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    d, t = math.cos(roll), math.sin(roll)
    spin = np.array([[d, -t, 0], [t, d, 0], [0, 0, 1]])
    return spin @ look @ np.diag([1.0, -1.0, -1.0]) @ rotation(yaw, 0.0, 0.0)
