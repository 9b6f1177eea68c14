import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.pose.skeleton import COCO_17
from distill.synthetic import SceneConfig, draw_scene
from distill.system.errors import InputError


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(SceneConfig(size=128), 7, index) for index in range(60)]


def _digest(scene) -> str:
    parts = (scene.image, scene.keypoints, scene.masks, scene.standing_heights, scene.truncated)
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), index=st.integers(0, 10**6), size=st.integers(32, 200))
def test_a_scene_is_a_function_of_its_seed_and_index(seed, index, size):
    config = SceneConfig(size=size)
    first, second = draw_scene(config, seed, index), draw_scene(config, seed, index)
    assert _digest(first) == _digest(second)
    assert first.image.shape == (size, size, 3) and first.image.dtype == np.uint8
    assert first.masks.shape == (len(first.keypoints), size, size)


def test_scenes_differ_by_seed_and_by_index():
    config = SceneConfig(size=64)
    digests = {_digest(draw_scene(config, seed, index)) for seed in range(4) for index in range(4)}
    assert len(digests) == 16


def test_labelled_joints_lie_in_the_picture_and_others_are_zero(scenes):
    for scene in scenes:
        labelled = scene.keypoints[:, :, 2] > 0
        assert np.isin(scene.keypoints[:, :, 2], (0, 1, 2)).all()
        assert not scene.keypoints[~labelled].any()
        places = scene.keypoints[labelled][:, :2]
        assert (places >= 0).all() and (places < 128).all()


def test_visible_joints_lie_in_the_own_outline(scenes):
    inside = []
    for scene in scenes:
        for person, mask in zip(scene.keypoints, scene.masks, strict=True):
            x, y = person[person[:, 2] == 2, :2].astype(int).T
            inside += mask[y, x].tolist()
    assert len(inside) > 800
    assert np.mean(inside) > 0.985


def test_hidden_joints_are_mostly_not_in_the_own_outline_or_covered(scenes):
    """Joints hidden by others lie on no pixel of their own person; there must be some of those."""
    elsewhere = 0
    for scene in scenes:
        for person, mask in zip(scene.keypoints, scene.masks, strict=True):
            x, y = person[person[:, 2] == 1, :2].astype(int).T
            elsewhere += (~mask[y, x]).sum()
    assert elsewhere > 50


def test_outlines_of_different_people_do_not_overlap(scenes):
    for scene in scenes:
        assert scene.masks.sum(0).max() <= 1


def test_everybody_can_be_recognised(scenes):
    for scene in scenes:
        assert ((scene.keypoints[:, :, 2] > 0).sum(1) >= 4).all()
        assert (scene.masks.sum((1, 2)) > 0).all()


def test_left_is_on_the_right_of_the_picture_for_faces_and_not_for_backs(scenes):
    """Whoever shows both eyes has the left eye and most times the left shoulder at larger x; backs the reverse."""
    joint = {name: index for index, name in enumerate(COCO_17.joints)}
    people = np.concatenate([scene.keypoints for scene in scenes])
    state = people[:, :, 2]
    shoulders = (state[:, [joint["left_shoulder"], joint["right_shoulder"]]] == 2).all(1)
    order = people[:, joint["left_shoulder"], 0] - people[:, joint["right_shoulder"], 0]
    eyes = (state[:, [joint["left_eye"], joint["right_eye"]]] == 2).all(1)
    faceless = (state[:, :3] == 0).all(1) & (state[:, 3:5] > 0).all(1)
    assert (people[eyes, joint["left_eye"], 0] > people[eyes, joint["right_eye"], 0]).all()
    assert (eyes & shoulders).sum() > 15 and (faceless & shoulders).sum() > 5
    assert (order[eyes & shoulders] > 0).mean() > 0.85
    assert (order[faceless & shoulders] < 0).mean() > 0.85


def test_left_and_right_are_equally_common():
    """Drawing prefers no side: over many people the visible joints balance."""
    config = SceneConfig(size=48, distractors=0, clutter=0)
    state = np.concatenate([draw_scene(config, 3, index).keypoints for index in range(300)])[:, :, 2]
    seen = (state == 2).mean(0)
    assert np.abs(seen - seen[COCO_17.flip_index]).max() < 0.07


def test_a_distant_size_shows_the_same_kind_of_scene():
    small, large = (draw_scene(SceneConfig(size=size), 5, 0) for size in (128, 256))
    assert small.distractors == large.distractors
    assert len(small.keypoints) == len(large.keypoints)
    np.testing.assert_allclose(2 * small.standing_heights, large.standing_heights, rtol=1e-5)


def test_scenes_without_people_are_possible():
    scene = draw_scene(SceneConfig(size=64, min_persons=0, max_persons=0), 0, 0)
    assert scene.keypoints.shape == (0, 17, 3) and scene.masks.shape == (0, 64, 64)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("size", {"size": 8}),
        ("size", {"size": 4000}),
        ("min_persons", {"min_persons": 3, "max_persons": 2}),
        ("max_persons", {"max_persons": 99}),
        ("min_height", {"min_height": 0.0}),
        ("min_overlap", {"min_overlap": 0.9}),
        ("cut", {"cut": -0.1}),
        ("obstacles", {"obstacles": 1.1}),
        ("distractors", {"distractors": -1.0}),
        ("clutter", {"clutter": -1}),
    ],
)
def test_a_wrong_value_is_named(field, values):
    with pytest.raises(InputError, match=field):
        SceneConfig(**values)


def test_a_negative_seed_is_named():
    with pytest.raises(InputError, match="seed -1"):
        draw_scene(SceneConfig(), -1, 0)
