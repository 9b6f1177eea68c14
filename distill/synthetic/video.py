"""Moving scenes: people of known joints who walk and wave, every one of them the same from frame to frame."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random

import cv2
import numpy as np

from distill.pose.skeleton import COCO_17
from distill.synthetic import visibility
from distill.synthetic.appearance import Outfit, sample_outfit
from distill.synthetic.background import blank, clutter
from distill.synthetic.body import HIPS, Body, Build, pose_body, sample_build
from distill.synthetic.config import SceneConfig
from distill.synthetic.figure import PARTS, figure
from distill.synthetic.paint import NOBODY, Layer, paint
from distill.synthetic.pose import LEFT_ARM, LEFT_LEG, RIGHT_ARM, RIGHT_LEG, Pose
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.video_file import VideoWriter

_SIDEWAYS = math.pi / 2


@dataclass(frozen=True)
class _Walker:
    """One person and how it moves; angles in radians, times in seconds."""

    build: Build
    outfit: Outfit
    height: float
    "Pixels of the standing height."
    start: tuple[float, float]
    "Of the hips at time 0, pixels."
    speed: float
    "Standing heights a second, to the right where positive."
    stride: float
    phase: float
    waves: float
    "Times a second that the right arm is waved; 0 for an arm that swings."


@dataclass(frozen=True)
class MovingScene:
    """A scene of some seconds; each frame is a function of time alone."""

    config: SceneConfig
    seed: int

    @property
    def walkers(self) -> list[_Walker]:
        """The people, the farthest first; the number of a track is a person's place among them, from 1."""
        dice = Random(self.seed)
        count = dice.randint(self.config.min_persons, self.config.max_persons)
        return sorted((_walker(self.config, dice) for _ in range(count)), key=lambda walker: walker.height)

    def frame(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """A moment: picture (H, W, 3) uint8 RGB, and keypoints (P, 17, 3) x, y, visibility, zeros where unlabelled."""
        size, dice = self.config.size, Random(self.seed + 1)
        light = (0.5, -0.6)
        canvas = blank(size, dice)
        paint(canvas, clutter(size, dice.randint(0, 2 * self.config.clutter), dice), NOBODY, light)
        walkers = self.walkers
        bodies = [_body(walker, time, size) for walker in walkers]
        drawn = [figure(body, walker.outfit, light) for body, walker in zip(bodies, walkers, strict=True)]
        layers: list[Layer] = []
        owners: list[int] = []
        for number, parts in enumerate(drawn):
            for part in parts:
                layers += part.layers
                owners += [number * PARTS + part.number] * len(part.layers)
        paint(canvas, layers, owners, light)
        people = cv2.extractChannel(canvas, 3)
        labels = [
            visibility.label(body, walker.outfit, parts, people, number)
            for number, (body, walker, parts) in enumerate(zip(bodies, walkers, drawn, strict=True))
        ]
        picture = cv2.cvtColor(cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_RGBA2RGB)
        return picture, np.array(labels, np.float32).reshape(-1, 17, 3)


def write_video(path: Path, scene: MovingScene, seconds: float, rate: float) -> Path:
    """Write a scene as .mp4, and beside it as .json what is known of it; returns the latter.

    The JSON is a COCO keypoint document: an image a frame, whose id is the frame's number and which has its `time` in
    seconds, and persons with a `track_id`.

    Raises:
        InputError: there is no frame.
    """
    count = round(seconds * rate)
    if count < 1:
        raise InputError(f"{seconds} s at {rate} frames a second are no frame")
    size = scene.config.size // 2 * 2
    images, persons = [], []
    writer = VideoWriter(path, rate, quality=16)
    for number in range(count):
        picture, keypoints = scene.frame(number / rate)
        writer(picture, number / rate)
        images.append({"id": number, "width": size, "height": size, "file_name": path.name, "time": number / rate})
        persons += _annotations(number, keypoints, len(persons))
    writer.close()
    category = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}
    truth = path.with_suffix(".json")
    write_atomically(truth, json.dumps({"images": images, "annotations": persons, "categories": [category]}))
    return truth


def _walker(config: SceneConfig, dice: Random) -> _Walker:
    height = config.size * dice.uniform(config.min_height, config.max_height) * 0.8
    speed = dice.choice((-1, 1)) * dice.uniform(0.1, 0.35)
    across = dice.uniform(0.15, 0.4) if speed > 0 else dice.uniform(0.6, 0.85)
    return _Walker(
        sample_build(dice),
        sample_outfit(dice),
        height,
        (across * config.size, dice.uniform(0.45, 0.6) * config.size),
        speed,
        dice.uniform(0.3, 0.5),
        dice.uniform(0, 2 * math.pi),
        dice.choice((0.0, dice.uniform(0.8, 1.6))),
    )


def _body(walker: _Walker, time: float, size: int) -> Body:
    yaw = math.copysign(_SIDEWAYS * 0.6, walker.speed)
    body = pose_body(
        walker.build, _gait(walker, time), yaw=yaw, tilt=0.05, roll=0.0, height=walker.height, distance=6.0
    )
    # People turn back at the border, so that nobody is lost.
    path, room = walker.start[0] + walker.speed * walker.height * time, size * 0.8
    folded = abs((path - size * 0.1) % (2 * room) - room)
    body.move(size * 0.1 + room - folded - body.points[HIPS, 0], walker.start[1] - body.points[HIPS, 1])
    return body


def _gait(walker: _Walker, time: float) -> Pose:
    """The pose at a moment: legs and arms swing against one another, or an arm waves."""
    turn = walker.phase + 2 * math.pi * time * max(0.6, abs(walker.speed) * 3)
    pose, stride = Pose(), walker.stride
    for leg, sign in ((pose.limbs[LEFT_LEG], 1), (pose.limbs[RIGHT_LEG], -1)):
        leg.swing, leg.spread = sign * stride * math.sin(turn), 0.05
        leg.bend = 0.15 + 0.45 * max(0.0, -sign * math.cos(turn))
    for arm, sign in ((pose.limbs[LEFT_ARM], -1), (pose.limbs[RIGHT_ARM], 1)):
        arm.swing, arm.spread, arm.bend = sign * stride * math.sin(turn), 0.15, 0.3
    if walker.waves:
        arm = pose.limbs[RIGHT_ARM]
        arm.swing, arm.spread, arm.twist = 2.6, 0.35, 1.2
        arm.bend = 0.7 + 0.5 * math.sin(2 * math.pi * walker.waves * time)
    pose.torso = (0.05 * math.sin(turn), 0.06, 0.0)
    return pose


def _annotations(frame: int, keypoints: np.ndarray, before: int) -> list[dict]:
    """Persons of a frame with a labelled joint, in COCO's indices of pixels."""
    found = []
    for number, person in enumerate(keypoints):
        labelled = person[:, 2] > 0
        if not labelled.any():
            continue
        indices = np.where(labelled[:, None], person - (0.5, 0.5, 0), 0)
        low, high = person[labelled, :2].min(axis=0), person[labelled, :2].max(axis=0)
        found.append(
            {
                "id": before + len(found) + 1,
                "image_id": frame,
                "category_id": 1,
                "track_id": number + 1,
                "keypoints": np.round(indices, 3).ravel().tolist(),
                "num_keypoints": int(labelled.sum()),
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "area": float((high - low).prod()),
                "iscrowd": 0,
            }
        )
    return found
