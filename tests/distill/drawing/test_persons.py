import numpy as np
import pytest

from distill.drawing import persons as drawing
from distill.pose.skeleton import COCO_17, Skeleton

BLACK = np.zeros((64, 96, 3), np.uint8)


def person(**joints: tuple[float, float, float]) -> np.ndarray:
    points = np.zeros((1, len(COCO_17), 3), np.float32)
    for name, point in joints.items():
        points[0, COCO_17.joints.index(name)] = point
    return points


def centroid(image: np.ndarray) -> tuple[float, float]:
    """Continuous x, y of the centre of what is drawn."""
    weight = image.astype(float).sum(axis=-1)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return (x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()


@pytest.mark.parametrize("scale", [1, 3])
def test_a_joint_is_drawn_where_it_is(scale):
    drawn = drawing.draw_persons(BLACK, person(nose=(30.0, 20.25, 1)), COCO_17, scale=scale)
    assert drawn.shape == (64 * scale, 96 * scale, 3)
    assert centroid(drawn) == pytest.approx((30 * scale, 20.25 * scale), abs=0.15)


def test_sides_have_their_colours():
    persons = person(
        left_knee=(20.5, 20, 1), left_ankle=(20.5, 50, 1), right_knee=(70.5, 20, 1), right_ankle=(70.5, 50, 1)
    )
    drawn = drawing.draw_persons(BLACK, persons, COCO_17)
    np.testing.assert_allclose(drawn[35, 20], drawing.LEFT, atol=30)
    np.testing.assert_allclose(drawn[35, 70], drawing.RIGHT, atol=30)


def test_people_have_their_own_colours():
    one = person(nose=(20, 30, 1), left_eye=(30, 25, 1), right_eye=(10, 25, 1))
    both = np.concatenate([one, one + [45, 0, 0]])
    drawn = drawing.draw_persons(BLACK, both, COCO_17)
    halves = [{tuple(c) for c in half.reshape(-1, 3)} for half in (drawn[:, :48], drawn[:, 48:])]
    for half, own, other in zip(halves, drawing.PERSON_COLOURS[:2], drawing.PERSON_COLOURS[1::-1], strict=True):
        assert own in half and other not in half


def test_weak_and_undefined_joints_are_left_out():
    persons = person(nose=(20, 20, 0.05), left_eye=(np.nan, 5, 1), right_hip=(np.inf, 5, 1))
    assert not drawing.draw_persons(BLACK, persons, COCO_17).any()
    assert drawing.draw_persons(BLACK, persons, COCO_17, threshold=0.01).any()


def test_joints_far_outside_and_no_persons_at_all():
    drawing.draw_persons(BLACK, person(left_hip=(1e9, 5, 1), left_knee=(10, -1e9, 1)), COCO_17)
    assert not drawing.draw_persons(BLACK, np.zeros((0, 17, 3)), COCO_17).any()


def test_inputs_are_left_alone():
    image = np.random.default_rng(0).integers(0, 255, BLACK.shape, dtype=np.uint8)
    kept = image.copy()
    drawing.draw_persons(image, person(nose=(20, 20, 1)), COCO_17)
    drawing.draw_heatmaps(image, np.ones((17, 16, 24)))
    drawing.draw_mask(image, np.ones((16, 24)))
    np.testing.assert_array_equal(image, kept)


def test_heatmaps_share_the_frame_of_the_photograph():
    maps = np.zeros((17, 16, 24), np.float32)
    maps[3, 4, 10] = 1
    drawn = drawing.draw_heatmaps(BLACK, maps)
    assert centroid(drawn) == pytest.approx((42, 18), abs=0.1)


def test_channels_differ_in_hue_and_values_in_brightness():
    maps = np.zeros((2, 16, 24), np.float32)
    maps[0, :, :8], maps[1, :, 8:16], maps[1, :, 16:] = 1, 1, 0.5
    drawn = drawing.draw_heatmaps(BLACK, maps)
    first, second, weak = drawn[32, 12], drawn[32, 48], drawn[32, 84]
    assert first.argmax() != second.argmax()
    np.testing.assert_allclose(weak, second / 2, atol=1)


def test_heatmaps_beyond_the_range_do_not_wrap():
    drawn = drawing.draw_heatmaps(np.full_like(BLACK, 200), np.stack([np.full((8, 12), 3.0), np.full((8, 12), -2)]))
    assert (drawn == [255, 0, 0]).all()
    assert (drawing.draw_heatmaps(np.full_like(BLACK, 200), np.full((2, 8, 12), -1.0)) == 90).all()


def test_mask_lights_the_inside():
    image = np.full_like(BLACK, 200)
    mask = np.zeros((16, 24), np.float32)
    mask[4:12, 6:18] = 1
    drawn = drawing.draw_mask(image, mask)
    assert drawn[32, 48].min() > 150
    assert drawn[2, 2].max() == 60
    assert np.abs(drawn - np.array(drawing.MASK_COLOUR)).max(axis=-1).min() < 30


def test_sides_are_those_of_the_skeletons_pairs():
    hands = Skeleton("hands", ("handL", "handR"), (("handL", "handR"),), (0.1, 0.1), (), ("handL", "handR"))
    drawn = drawing.draw_persons(BLACK, np.array([[(20.0, 30.0, 1.0), (70.0, 30.0, 1.0)]]), hands)
    np.testing.assert_allclose(drawn[30, 20], drawing.LEFT, atol=30)
    np.testing.assert_allclose(drawn[30, 70], drawing.RIGHT, atol=30)
