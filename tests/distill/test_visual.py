import cv2
import numpy as np
import pytest

from distill import visual
from distill.errors import InputError
from distill.skeleton import COCO_17

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
    drawn = visual.draw_persons(BLACK, person(nose=(30.0, 20.25, 1)), COCO_17, scale=scale)
    assert drawn.shape == (64 * scale, 96 * scale, 3)
    assert centroid(drawn) == pytest.approx((30 * scale, 20.25 * scale), abs=0.15)


def test_sides_have_their_colours():
    persons = person(
        left_knee=(20.5, 20, 1), left_ankle=(20.5, 50, 1), right_knee=(70.5, 20, 1), right_ankle=(70.5, 50, 1)
    )
    drawn = visual.draw_persons(BLACK, persons, COCO_17)
    np.testing.assert_allclose(drawn[35, 20], visual.LEFT, atol=30)
    np.testing.assert_allclose(drawn[35, 70], visual.RIGHT, atol=30)


def test_people_have_their_own_colours():
    one = person(nose=(20, 30, 1), left_eye=(30, 25, 1), right_eye=(10, 25, 1))
    both = np.concatenate([one, one + [45, 0, 0]])
    drawn = visual.draw_persons(BLACK, both, COCO_17)
    halves = [{tuple(c) for c in half.reshape(-1, 3)} for half in (drawn[:, :48], drawn[:, 48:])]
    for half, own, other in zip(halves, visual.PERSON_COLOURS[:2], visual.PERSON_COLOURS[1::-1], strict=True):
        assert own in half and other not in half


def test_weak_and_undefined_joints_are_left_out():
    persons = person(nose=(20, 20, 0.05), left_eye=(np.nan, 5, 1), right_hip=(np.inf, 5, 1))
    assert not visual.draw_persons(BLACK, persons, COCO_17).any()
    assert visual.draw_persons(BLACK, persons, COCO_17, threshold=0.01).any()


def test_joints_far_outside_and_no_persons_at_all():
    visual.draw_persons(BLACK, person(left_hip=(1e9, 5, 1), left_knee=(10, -1e9, 1)), COCO_17)
    assert not visual.draw_persons(BLACK, np.zeros((0, 17, 3)), COCO_17).any()


def test_inputs_are_left_alone():
    image = np.random.default_rng(0).integers(0, 255, BLACK.shape, dtype=np.uint8)
    kept = image.copy()
    visual.draw_persons(image, person(nose=(20, 20, 1)), COCO_17)
    visual.draw_heatmaps(image, np.ones((17, 16, 24)))
    visual.draw_mask(image, np.ones((16, 24)))
    np.testing.assert_array_equal(image, kept)


def test_heatmaps_share_the_frame_of_the_photograph():
    maps = np.zeros((17, 16, 24), np.float32)
    maps[3, 4, 10] = 1
    drawn = visual.draw_heatmaps(BLACK, maps)
    assert centroid(drawn) == pytest.approx((42, 18), abs=0.1)


def test_channels_differ_in_hue_and_values_in_brightness():
    maps = np.zeros((2, 16, 24), np.float32)
    maps[0, :, :8], maps[1, :, 8:16], maps[1, :, 16:] = 1, 1, 0.5
    drawn = visual.draw_heatmaps(BLACK, maps)
    first, second, weak = drawn[32, 12], drawn[32, 48], drawn[32, 84]
    assert first.argmax() != second.argmax()
    np.testing.assert_allclose(weak, second / 2, atol=1)


def test_heatmaps_beyond_the_range_do_not_wrap():
    drawn = visual.draw_heatmaps(np.full_like(BLACK, 200), np.stack([np.full((8, 12), 3.0), np.full((8, 12), -2)]))
    assert (drawn == [255, 0, 0]).all()
    assert (visual.draw_heatmaps(np.full_like(BLACK, 200), np.full((2, 8, 12), -1.0)) == 90).all()


def test_mask_lights_the_inside():
    image = np.full_like(BLACK, 200)
    mask = np.zeros((16, 24), np.float32)
    mask[4:12, 6:18] = 1
    drawn = visual.draw_mask(image, mask)
    assert drawn[32, 48].min() > 150
    assert drawn[2, 2].max() == 60
    assert np.abs(drawn - np.array(visual.MASK_COLOUR)).max(axis=-1).min() < 30


def test_contact_sheet_holds_every_image_in_its_column():
    rows = [
        [np.full((50, 100, 3), (200, 0, 0), np.uint8), np.full((300, 300, 3), (0, 200, 0), np.uint8)],
        [np.full((100, 40, 3), (0, 0, 200), np.uint8)],
    ]
    sheet = visual.contact_sheet(rows, ["photograph", "a title far too long for its narrow column"], cell=96)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 2 * 96 + 3 * 2
    areas = [(np.abs(sheet.astype(int) - c).max(-1) < 20).sum() for c in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    assert areas == [96 * 48, 96 * 96, 96 * 38]
    titles = (sheet[:16] < 128).all(axis=-1)
    assert titles[:, :98].any() and titles[:, 100:].any()
    assert not titles[:, [0, 1, 98, 99, -1]].any()


def test_contact_sheet_without_titles_has_no_room_for_them():
    assert visual.contact_sheet([[BLACK, BLACK]], ["", ""], cell=96).shape == (68, 198, 3)


def test_contact_sheet_refuses_more_images_than_titles():
    with pytest.raises(InputError, match="2 images in a row but 1 titles"):
        visual.contact_sheet([[BLACK, BLACK]], ["one"])


def test_images_are_written_whole_and_in_rgb(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "new" / "x.png"
    visual.write_image(path, rgb)
    np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], rgb)
    visual.write_image(path.with_suffix(".jpg"), np.full((16, 16, 3), (250, 10, 10), np.uint8))
    red = cv2.imread(str(path.with_suffix(".jpg")))[8, 8]
    assert red[2] > 240 and red[0] < 20
    assert sorted(p.name for p in path.parent.iterdir()) == ["x.jpg", "x.png"]


def test_a_wrong_suffix_or_folder_is_told(tmp_path):
    with pytest.raises(InputError, match=r"x\.gif: an image is written as"):
        visual.write_image(tmp_path / "x.gif", BLACK)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        visual.write_image(tmp_path / "file" / "x.png", BLACK)
