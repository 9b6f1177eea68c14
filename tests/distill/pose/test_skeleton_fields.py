"""Left and right are found in names as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.pose.skeleton_fields import pairs_by_name

STYLES = [
    ("left_elbow", "right_elbow"),
    ("left elbow", "right elbow"),
    ("LeftElbow", "RightElbow"),
    ("leftElbow", "rightElbow"),
    ("elbow_left", "elbow_right"),
    ("LEFT ELBOW", "RIGHT ELBOW"),
    ("l_elbow", "r_elbow"),
    ("L_Elbow", "R_Elbow"),
    ("L elbow", "R elbow"),
    ("l-elbow", "r-elbow"),
    ("elbow_l", "elbow_r"),
    ("ELBOW_L", "ELBOW_R"),
    ("elbow.L", "elbow.R"),
    ("arm_l_lower", "arm_r_lower"),
    ("LElbow", "RElbow"),
    ("lElbow", "rElbow"),
    ("Lelbow", "Relbow"),
    ("elbowL", "elbowR"),
]


@pytest.mark.parametrize(("left", "right"), STYLES)
def test_sides_pair_whatever_the_style_and_order(left, right):
    assert pairs_by_name(["nose", left, "neck", right]) == ((left, right),)
    assert pairs_by_name([right, left]) == ((left, right),)


@pytest.mark.parametrize("name", ["ball", "elbow", "lower lip", "pelvis", "left_elbow", "l_elbow", "L"])
def test_what_has_no_other_side_stays_alone(name):
    assert pairs_by_name([name, "nose", "right_wrist"]) == ()


def test_words_with_an_l_are_no_sides():
    assert pairs_by_name(["lump", "rump", "owl", "owr", "lip", "rip", "pelvis", "pervis"]) == ()


@given(st.lists(st.sampled_from([name for pair in STYLES for name in pair]), unique=True))
def test_no_joint_stands_in_two_pairs(joints):
    paired = [joint for pair in pairs_by_name(joints) for joint in pair]
    assert len(paired) == len(set(paired)) and set(paired) <= set(joints)
