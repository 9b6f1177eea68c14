"""Joints matched by name."""

import pytest

from distill.data.editing.joints import matched, plain_name, renamed, union
from distill.pose.skeleton import AI_CHALLENGER_14, COCO_17, COCO_FOOT_23, LSP_14, Skeleton, with_defaults
from distill.system.errors import InputError


@pytest.mark.parametrize(
    "name", ["left_big_toe", "L Big-Toe", "lBigToe", "big_toe_left", "LEFT BIG TOE", "BigToe.L", "l_big_toe"]
)
def test_names_of_one_joint(name):
    assert plain_name(name) == "left_big_toe"


@pytest.mark.parametrize("name", ["nose", "7", "鼻"])
def test_other_names_stay(name):
    assert plain_name(name) == name


def test_joints_that_mean_the_same_are_matched():
    skeleton = Skeleton.from_plain(with_defaults(("Nose", "LHip", "R Hip", "tail"), name="mine"))
    assert matched(skeleton, COCO_17.joints) == {"Nose": "nose", "LHip": "left_hip", "R Hip": "right_hip"}
    assert matched(COCO_17, COCO_FOOT_23.joints) == {} == matched(COCO_17, [])


def test_two_joints_of_one_meaning_are_not_guessed():
    skeleton = Skeleton.from_plain(with_defaults(("l_hip", "left hip"), name="mine"))
    assert matched(skeleton, COCO_17.joints) == {}


def test_renaming_holds_in_every_field():
    new = renamed(COCO_17, {"nose": "snout", "left_hip": "lh"})
    assert new.joints[0] == "snout" and ("lh", "right_hip") in new.flip_pairs and "lh" in new.grouping_order
    assert new.sigmas == COCO_17.sigmas and (new.limb_index == COCO_17.limb_index).all()
    with pytest.raises(InputError, match="twice"):
        renamed(COCO_17, {"nose": "left_hip"})


def test_a_union_is_one_of_them_where_it_has_all():
    assert union([COCO_17, COCO_FOOT_23]) is COCO_FOOT_23
    assert union([AI_CHALLENGER_14, LSP_14]) is AI_CHALLENGER_14


def test_a_union_has_every_joint_once_with_the_first_ones_sigmas():
    both = union([COCO_17, LSP_14])
    assert both.joints == (*COCO_17.joints, "neck", "head_top")
    assert both.sigmas == (*COCO_17.sigmas, 0.079, 0.079)
    assert set(both.flip_pairs) == set(COCO_17.flip_pairs) and sorted(both.grouping_order) == sorted(both.joints)
    limbs = {frozenset(limb) for limb in both.limbs}
    assert limbs == {frozenset(limb) for limb in (*COCO_17.limbs, *LSP_14.limbs)} and len(limbs) == len(both.limbs)


def test_pairs_that_contradict_are_refused():
    other = Skeleton.from_plain(
        with_defaults(("left_hip", "left_knee", "fin"), name="odd", flip_pairs=[("left_hip", "left_knee")])
    )
    with pytest.raises(InputError, match="joints left_hip and left_knee are a pair in odd and not in another set"):
        union([COCO_17, other])
