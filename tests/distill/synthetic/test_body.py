import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.pose.skeleton import COCO_17
from distill.synthetic.body import J, pose_body, rotation, sample_build
from distill.synthetic.pose import Limb, Pose, sample_pose

VIEW = {"tilt": 0.0, "roll": 0.0, "height": 100.0, "distance": 1e6}
angles = st.floats(-3.1, 3.1)


def _mirrored(pose: Pose) -> Pose:
    left_arm, right_arm, left_leg, right_leg = pose.limbs
    turn, forwards, sideways = pose.torso
    head = pose.head
    return Pose(
        limbs=[right_arm, left_arm, right_leg, left_leg],
        torso=(-turn, forwards, -sideways),
        head=(-head[0], head[1], -head[2]),
        seated=pose.seated,
    )


@settings(max_examples=60, deadline=None)
@given(turn=angles, forwards=angles, sideways=angles)
def test_rotations_keep_lengths_and_hands(turn, forwards, sideways):
    matrix = rotation(turn, forwards, sideways)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)


def test_rotations_go_the_way_they_say():
    left, up, forward = np.eye(3)
    np.testing.assert_allclose(rotation(math.pi / 2, 0, 0) @ forward, left, atol=1e-12)
    np.testing.assert_allclose(rotation(0, math.pi / 2, 0) @ up, forward, atol=1e-12)
    np.testing.assert_allclose(rotation(0, 0, math.pi / 2) @ up, left, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), yaw=angles)
def test_a_mirrored_pose_is_the_mirrored_picture(seed, yaw):
    dice = Random(seed)
    build, pose = sample_build(dice), sample_pose(dice)
    body = pose_body(build, pose, yaw=yaw, **VIEW)
    mirrored = pose_body(build, _mirrored(pose), yaw=-yaw, **VIEW)
    expected = body.points[COCO_17.flip_index] * (-1, 1)
    np.testing.assert_allclose(mirrored.points[:17], expected, atol=1e-6)
    np.testing.assert_allclose(mirrored.depth[:17], body.depth[COCO_17.flip_index], atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), yaw=angles)
def test_bones_keep_their_length(seed, yaw):
    dice = Random(seed)
    build = sample_build(dice)
    body = pose_body(build, sample_pose(dice), yaw=yaw, **VIEW)
    space = np.concatenate([body.points / 100, body.depth[:, None]], 1)
    bones = (
        ("left_shoulder", "left_elbow", build.upper_arm),
        ("right_elbow", "right_wrist", build.forearm),
        ("left_hip", "left_knee", build.thigh),
        ("right_knee", "right_ankle", build.shank),
        ("left_shoulder", "right_shoulder", 2 * build.shoulder),
    )
    for start, stop, length in bones:
        assert np.linalg.norm(space[J[start]] - space[J[stop]]) == pytest.approx(length, abs=1e-5)


def test_facing_the_camera_the_own_left_is_on_the_right():
    build = sample_build(Random(0))
    front = pose_body(build, Pose(), yaw=0.0, **VIEW)
    back = pose_body(build, Pose(), yaw=math.pi, **VIEW)
    for name in ("eye", "ear", "shoulder", "elbow", "hip", "ankle"):
        left, right = J[f"left_{name}"], J[f"right_{name}"]
        assert front.points[left, 0] > front.points[right, 0]
        assert back.points[left, 0] < back.points[right, 0]
    assert front.depth[J["nose"]] < front.depth[J["left_ear"]] < back.depth[J["nose"]]


def test_a_quarter_turn_faces_the_right_edge():
    side = pose_body(sample_build(Random(1)), Pose(), yaw=math.pi / 2, **VIEW)
    assert side.points[J["nose"], 0] > side.points[J["left_ear"], 0]
    assert side.depth[J["left_shoulder"]] > side.depth[J["right_shoulder"]]


def test_an_upright_body_has_its_standing_height():
    for seed in range(20):
        body = pose_body(sample_build(Random(seed)), Pose(), yaw=0.0, **VIEW)
        top = body.points[18, 1] - 100 * body.build.head[1]
        bottom = body.points[J["left_ankle"], 1] + 3.5
        assert bottom - top == pytest.approx(100, abs=6)


def test_elbows_and_knees_bend_the_human_way():
    bent = [Limb(bend=1.2), Limb(bend=1.2), Limb(swing=0.6, bend=1.2), Limb(swing=0.6, bend=1.2)]
    body = pose_body(sample_build(Random(2)), Pose(limbs=bent), yaw=math.pi / 2, **VIEW)
    assert body.points[J["left_wrist"], 0] > body.points[J["left_elbow"], 0] + 5
    assert body.points[J["left_ankle"], 0] < body.points[J["left_knee"], 0] - 5
