"""Skeletons refuse what does not fit together, and come out of files and plain values as they went in."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.cocoeval import Params

from distill.pose.skeleton import (
    AI_CHALLENGER_14,
    COCO_17,
    COCO_FOOT_23,
    LSP_14,
    MPII_16,
    Skeleton,
    get_skeleton,
    shared_joints,
    shipped_names,
)
from distill.pose.skeleton_fields import DEFAULT_SIGMA
from distill.system.errors import InputError

SHIPPED = {s.name: s for s in (COCO_17, COCO_FOOT_23, MPII_16, AI_CHALLENGER_14, LSP_14)}


def test_sigmas_are_those_of_pycocotools():
    np.testing.assert_allclose(COCO_17.sigmas, Params("keypoints").kpt_oks_sigmas)


def test_flipping_twice_is_nothing():
    np.testing.assert_array_equal(COCO_17.flip_index[COCO_17.flip_index], np.arange(17))
    for k, name in enumerate(COCO_17.joints):
        other = COCO_17.joints[COCO_17.flip_index[k]]
        assert {"left": "right", "right": "left"}.get(name.split("_")[0], "nose") == other.split("_")[0]


def test_grouping_visits_head_and_trunk_first():
    assert COCO_17.grouping_index.tolist() == [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": ("nose",) * 17}, "occurs twice"),
        ({"joints": (), "sigmas": (), "limbs": (), "flip_pairs": (), "grouping_order": ()}, "joints is empty"),
        ({"sigmas": (*COCO_17.sigmas[:16], float("nan"))}, "sigmas needs 17 positive"),
        ({"limbs": (("nose", "nose"),)}, "limbs joins nose to itself"),
        ({"flip_pairs": (("left_eye", "right_eye"), ("left_eye", "right_ear"))}, "two of flip_pairs"),
        ({"sigmas": (0.1,)}, "sigmas needs 17"),
        ({"limbs": (("nose", "tail"),)}, "limbs names unknown joint tail"),
        ({"flip_pairs": (("nose", "wing"),)}, "flip_pairs names unknown joint wing"),
        ({"grouping_order": ("nose",)}, "every joint once"),
    ],
)
def test_inconsistent_fields_are_named(change, message):
    with pytest.raises(InputError, match=message):
        replace(COCO_17, **change)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'h36m' is unknown; choose from .*coco_17.* YAML file"):
        get_skeleton("h36m")


def test_what_ships_is_found_by_name():
    assert set(shipped_names()) == set(SHIPPED)
    assert all(get_skeleton(name) is skeleton for name, skeleton in SHIPPED.items())
    assert [len(skeleton) for skeleton in SHIPPED.values()] == [17, 23, 16, 14, 14]


@pytest.mark.parametrize("skeleton", SHIPPED.values(), ids=SHIPPED)
def test_what_ships_pairs_all_its_sides_and_connects_all_its_joints(skeleton):
    sides = {name for name in skeleton.joints if name.startswith(("left_", "right_"))}
    assert {name for pair in skeleton.flip_pairs for name in pair} == sides
    assert all(left.removeprefix("left_") == right.removeprefix("right_") for left, right in skeleton.flip_pairs)
    mirrored = {tuple(sorted(skeleton.flip_index[limb])) for limb in skeleton.limb_index}
    assert mirrored == {tuple(sorted(limb)) for limb in skeleton.limb_index}
    reached = {0}
    for _ in skeleton.joints:
        reached |= {end for limb in skeleton.limb_index.tolist() if reached & set(limb) for end in limb}
    assert reached == set(range(len(skeleton)))


def test_feet_follow_the_seventeen_joints():
    assert COCO_FOOT_23.joints[:17] == COCO_17.joints and COCO_FOOT_23.sigmas[:17] == COCO_17.sigmas
    assert COCO_FOOT_23.joints[17:] == (
        *("left_big_toe", "left_small_toe", "left_heel"),
        *("right_big_toe", "right_small_toe", "right_heel"),
    )
    assert COCO_FOOT_23.sigmas[17:] == (0.062,) * 6


def test_orders_are_those_of_the_data_sets():
    assert (MPII_16.joints[0], MPII_16.joints[6:10]) == ("right_ankle", ("pelvis", "thorax", "upper_neck", "head_top"))
    assert AI_CHALLENGER_14.joints[::6] == ("right_shoulder", "right_hip", "head_top")


def test_shared_joints_are_those_of_equal_names():
    assert shared_joints(COCO_17, COCO_17) == [(k, k, name) for k, name in enumerate(COCO_17.joints)]
    pairs = shared_joints(MPII_16, AI_CHALLENGER_14)
    assert len(pairs) == 13 and pairs[0] == (0, 8, "right_ankle")
    assert all(MPII_16.joints[a] == AI_CHALLENGER_14.joints[b] == name for a, b, name in pairs)
    other = replace(COCO_17, joints=("tail",), flip_pairs=(), limbs=(), sigmas=(1.0,), grouping_order=("tail",))
    assert shared_joints(COCO_17, other) == []


words = st.text(st.characters().filter(str.isprintable), min_size=1, max_size=9)


@st.composite
def skeletons(draw) -> Skeleton:
    """Any skeleton that is one, whatever its joints are called."""
    joints = draw(st.lists(words, min_size=1, max_size=7, unique=True))
    order = draw(st.permutations(joints))
    pairs = list(zip(order[::2], order[1::2], strict=False))
    sigmas = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
    return Skeleton(
        name=draw(words),
        joints=tuple(joints),
        flip_pairs=tuple(draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else ()),
        sigmas=tuple(draw(st.lists(sigmas, min_size=len(joints), max_size=len(joints)))),
        limbs=tuple(draw(st.lists(st.sampled_from(pairs))) if pairs else ()),
        grouping_order=tuple(order),
    )


@given(skeletons())
def test_plain_values_are_the_skeleton_again(skeleton):
    plain = skeleton.plain()
    assert Skeleton.from_plain(plain) == Skeleton.from_plain(json.loads(json.dumps(plain))) == skeleton


@given(skeleton=skeletons())
def test_a_written_skeleton_is_read_again(skeleton, tmp_path_factory):
    path = tmp_path_factory.mktemp("skeletons") / "own.yaml"
    path.write_text(yaml.safe_dump(skeleton.plain(), sort_keys=False))
    assert get_skeleton(path) == get_skeleton(str(path)) == skeleton


def test_only_joints_must_be_there(tmp_path):
    path = tmp_path / "puppet.yml"
    path.write_text("joints: [top, left hand, right hand]\n")
    assert get_skeleton(str(path)) == Skeleton(
        name="puppet",
        joints=("top", "left hand", "right hand"),
        flip_pairs=(("left hand", "right hand"),),
        sigmas=(DEFAULT_SIGMA,) * 3,
        limbs=(),
        grouping_order=("top", "left hand", "right hand"),
    )
    path.write_text("name: x\njoints: [top, left hand, right hand]\nflip_pairs: []\nsigmas: [1, 2, 0.5]\n")
    assert (get_skeleton(path).name, get_skeleton(path).flip_pairs, get_skeleton(path).sigmas) == ("x", (), (1, 2, 0.5))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "joints is missing"),
        ("[nose]", "joints is missing"),
        ("limbs: []", "joints is missing"),
        ("joints: [nose", "is no YAML"),
        (b"joints: [\xff\xfe]", "is no YAML"),
        ("joints: nose", "joints must be a list of joint names, not 'nose'"),
        ("joints: [nose, 7]", "joints holds 7 where a text is wanted; put printable letters in quotes"),
        ("joints: [nose, no]", "joints holds False where a text is wanted; put printable letters in quotes"),
        ('joints: ["no\\nse"]', r"joints holds 'no\\nse' where a text is wanted"),
        ("joints: [nose]\nname: 7", "name holds 7 where a text is wanted"),
        ("joints: [nose]\nlimb: []", "limb is no field of a skeleton; its fields are name, joints"),
        ("joints: [nose]\nlimbs:", "limbs must be a list of pairs of joint names, not None"),
        ("joints: [nose]\nlimbs: [nose]", "limbs must be a list of joint names, not 'nose'"),
        ("joints: [a, b, c]\nflip_pairs: [[a, b, c]]", r"flip_pairs holds \['a', 'b', 'c'\] where a pair"),
        ("joints: [nose]\nsigmas: 0.1", "sigmas must be a list of numbers, not 0.1"),
        ("joints: [nose]\nsigmas: [wide]", "sigmas holds 'wide' where a number is wanted"),
        ("joints: [nose]\nsigmas: [yes]", "sigmas holds True where a number is wanted"),
        ("joints: [nose]\nsigmas: [.nan]", "sigmas holds nan where a number is wanted"),
        (f"joints: [nose]\nsigmas: [{10**400}]", "where a number is wanted"),
        ("joints: [nose]\nsigmas: [0]", "skeleton own: sigmas needs 1 positive"),
        ("joints: [nose]\nlimbs: [[nose, tail]]", "skeleton own: limbs names unknown joint tail"),
    ],
)
def test_a_mistake_in_a_file_names_file_and_field(tmp_path, content, message):
    path = tmp_path / "own.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=rf"own.yaml.*{message}") as raised:
        get_skeleton(path)
    assert "\n" not in str(raised.value)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"skeleton file .*own.yaml does not exist"):
        get_skeleton(str(tmp_path / "own.yaml"))


def test_a_missing_plain_value_is_named():
    with pytest.raises(InputError, match="checkpoint: sigmas is missing"):
        Skeleton.from_plain({k: v for k, v in COCO_17.plain().items() if k != "sigmas"}, "checkpoint")
    with pytest.raises(InputError, match="checkpoint: a skeleton is a mapping"):
        Skeleton.from_plain("coco_17", "checkpoint")


def test_yaml_that_builds_objects_is_refused(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.dump({"joints": ["nose"], "name": np.float64}))
    with pytest.raises(InputError, match="is no YAML"):
        get_skeleton(path)
