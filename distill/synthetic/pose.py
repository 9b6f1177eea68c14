"""Poses: joint angles of one person, drawn from a handful of everyday activities."""

import math
from dataclasses import dataclass, field
from random import Random

LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = range(4)


@dataclass
class Limb:
    """Angles of an arm or a leg, radians; zero is hanging straight down."""

    swing: float = 0.0
    "Forwards, in the plane that looks ahead."
    spread: float = 0.0
    "Sideways, away from the body."
    twist: float = 0.0
    "Turn about the limb; positive bends the elbow inwards."
    bend: float = 0.0
    "Flexion of the elbow or of the knee."


@dataclass
class Pose:
    """Joint angles of one person, radians."""

    limbs: list[Limb] = field(default_factory=lambda: [Limb() for _ in range(4)])
    "Left arm, right arm, left leg, right leg."
    torso: tuple[float, float, float] = (0.0, 0.0, 0.0)
    "Turn to the own left, lean forwards, lean to the own left."
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    "The same three angles of the head against the torso."
    seated: bool = False
    "Whether the thighs need a seat under them."


def _hang(dice: Random, limb: Limb) -> None:
    limb.swing = dice.gauss(0.05, 0.15)
    limb.spread = dice.uniform(0.06, 0.35)
    limb.twist = dice.uniform(-0.2, 0.9)
    limb.bend = abs(dice.gauss(0.15, 0.3))


def _hand_on_hip(dice: Random, limb: Limb) -> None:
    limb.swing = dice.uniform(-0.35, 0.0)
    limb.spread = dice.uniform(0.6, 0.9)
    limb.twist = dice.uniform(1.1, 1.5)
    limb.bend = dice.uniform(1.5, 1.9)


def _hand_in_front(dice: Random, limb: Limb) -> None:
    limb.swing = dice.uniform(0.1, 0.8)
    limb.spread = dice.uniform(0.0, 0.3)
    limb.twist = dice.uniform(0.3, 0.9)
    limb.bend = dice.uniform(1.0, 2.2)


def _reach(dice: Random, limb: Limb) -> None:
    limb.swing = dice.uniform(0.6, 2.2)
    limb.spread = dice.uniform(-0.1, 1.2)
    limb.twist = dice.uniform(-0.8, 0.8)
    limb.bend = abs(dice.gauss(0.0, 0.4))


def _raise(dice: Random, limb: Limb) -> None:
    limb.swing = dice.uniform(2.3, 3.2)
    limb.spread = dice.uniform(0.0, 0.6)
    limb.twist = dice.uniform(0.6, 1.8)
    limb.bend = dice.uniform(0.0, 1.4)


def _sideways(dice: Random, limb: Limb) -> None:
    limb.swing = dice.uniform(-0.2, 0.3)
    limb.spread = dice.uniform(0.9, 1.9)
    limb.twist = dice.uniform(-1.6, 1.6)
    limb.bend = dice.choice((dice.uniform(0.0, 0.4), dice.uniform(0.5, 1.8)))


_ARMS = (_hang, _hand_on_hip, _hand_in_front, _reach, _raise, _sideways)


def _arms(dice: Random, pose: Pose, weights: tuple[float, ...]) -> None:
    first, second = dice.choices(_ARMS, weights, k=2)
    if dice.random() < 0.4:
        second = first
    first(dice, pose.limbs[LEFT_ARM])
    second(dice, pose.limbs[RIGHT_ARM])


def _stand(dice: Random, pose: Pose) -> None:
    for limb in pose.limbs[2:]:
        limb.swing = dice.gauss(0.0, 0.1)
        limb.spread = dice.uniform(0.0, 0.22)
        limb.bend = abs(dice.gauss(0.0, 0.15))
    _arms(dice, pose, (5, 1.2, 2, 1, 0.5, 0.7))


def _walk(dice: Random, pose: Pose) -> None:
    stride = dice.uniform(0.25, 0.8) * dice.choice((-1, 1))
    pace = abs(stride)
    for leg, sign in ((pose.limbs[LEFT_LEG], 1), (pose.limbs[RIGHT_LEG], -1)):
        leg.swing = sign * stride + dice.gauss(0.05, 0.08)
        leg.spread = dice.uniform(0.0, 0.1)
        leg.bend = dice.uniform(0.0, 0.25) if leg.swing > 0 else dice.uniform(0.2, 0.6 + pace)
    for arm, sign in ((pose.limbs[LEFT_ARM], -1), (pose.limbs[RIGHT_ARM], 1)):
        arm.swing = sign * stride * dice.uniform(0.7, 1.2)
        arm.spread = dice.uniform(0.08, 0.3)
        arm.twist = dice.uniform(0.0, 0.5)
        arm.bend = dice.uniform(0.1, 0.4 + 1.6 * max(pace - 0.35, 0.0))
    pose.torso = (dice.gauss(0, 0.1), dice.uniform(0.0, 0.1 + 0.3 * pace), dice.gauss(0, 0.04))


def _sit(dice: Random, pose: Pose) -> None:
    pose.seated = True
    for limb in pose.limbs[2:]:
        limb.swing = dice.uniform(1.2, 1.65)
        limb.spread = dice.uniform(0.0, 0.45)
        limb.bend = dice.uniform(0.9, 1.9)
    pose.torso = (dice.gauss(0, 0.15), dice.gauss(0.1, 0.2), dice.gauss(0, 0.1))
    _arms(dice, pose, (2, 0.4, 4, 1.5, 0.4, 0.4))


def _reach_out(dice: Random, pose: Pose) -> None:
    _stand(dice, pose)
    pose.torso = (dice.gauss(0, 0.25), dice.uniform(-0.1, 0.5), dice.gauss(0, 0.15))
    _reach(dice, pose.limbs[dice.choice((LEFT_ARM, RIGHT_ARM))])


def _raise_arms(dice: Random, pose: Pose) -> None:
    _stand(dice, pose)
    sides = dice.choice(((LEFT_ARM,), (RIGHT_ARM,), (LEFT_ARM, RIGHT_ARM)))
    for side in sides:
        dice.choice((_raise, _raise, _sideways))(dice, pose.limbs[side])


def _crouch(dice: Random, pose: Pose) -> None:
    depth = dice.uniform(0.5, 1.7)
    for limb in pose.limbs[2:]:
        limb.swing = depth * dice.uniform(0.8, 1.1)
        limb.spread = dice.uniform(0.1, 0.5)
        limb.bend = min(depth * dice.uniform(1.1, 1.5), 2.4)
    pose.torso = (dice.gauss(0, 0.15), dice.uniform(0.1, 0.9), dice.gauss(0, 0.1))
    _arms(dice, pose, (2, 0.2, 3, 3, 0.4, 0.4))


def _lunge(dice: Random, pose: Pose) -> None:
    for limb in pose.limbs[2:]:
        limb.spread = dice.uniform(0.1, 0.7)
        limb.swing = dice.uniform(-0.4, 0.9)
        limb.bend = dice.uniform(0.0, 1.2)
    pose.torso = (dice.gauss(0, 0.3), dice.gauss(0.1, 0.25), dice.gauss(0, 0.2))
    _arms(dice, pose, (1, 0.3, 1, 2, 2, 2))


_ACTIVITIES = ((_stand, 28), (_walk, 22), (_sit, 16), (_reach_out, 10), (_raise_arms, 10), (_crouch, 7), (_lunge, 7))


def sample_pose(dice: Random) -> Pose:
    """A pose of one of the activities: standing, walking, sitting, reaching, arms raised, crouching, lunging."""
    pose = Pose()
    functions, weights = zip(*_ACTIVITIES, strict=True)
    dice.choices(functions, weights)[0](dice, pose)
    if pose.torso == (0.0, 0.0, 0.0):
        pose.torso = (dice.gauss(0, 0.1), dice.gauss(0.03, 0.07), dice.gauss(0, 0.05))
    lean = pose.torso[1]
    for arm in pose.limbs[:2]:
        arm.swing += lean * 0.7
    pose.head = (dice.gauss(0, 0.4), dice.gauss(0.08, 0.2) - 0.6 * lean, dice.gauss(0, 0.1))
    return pose


def sample_yaw(dice: Random) -> float:
    """Direction a person faces, radians: 0 the camera, pi / 2 the right edge of the picture."""
    kind = dice.random()
    if kind < 0.42:
        return dice.gauss(0.0, 0.55)
    if kind < 0.62:
        return math.pi + dice.gauss(0.0, 0.5)
    return dice.uniform(-math.pi, math.pi)
