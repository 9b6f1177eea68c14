import cv2
import numpy as np
import pytest

from distill.drawing.sheet import contact_sheet, write_image
from distill.system.errors import InputError

BLACK = np.zeros((64, 96, 3), np.uint8)


def test_contact_sheet_holds_every_image_in_its_column():
    rows = [
        [np.full((50, 100, 3), (200, 0, 0), np.uint8), np.full((300, 300, 3), (0, 200, 0), np.uint8)],
        [np.full((100, 40, 3), (0, 0, 200), np.uint8)],
    ]
    sheet = contact_sheet(rows, ["photograph", "a title far too long for its narrow column"], cell=96)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 2 * 96 + 3 * 2
    areas = [(np.abs(sheet.astype(int) - c).max(-1) < 20).sum() for c in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    assert areas == [96 * 48, 96 * 96, 96 * 38]
    titles = (sheet[:16] < 128).all(axis=-1)
    assert titles[:, :98].any() and titles[:, 100:].any()
    assert not titles[:, [0, 1, 98, 99, -1]].any()


def test_contact_sheet_without_titles_has_no_room_for_them():
    assert contact_sheet([[BLACK, BLACK]], ["", ""], cell=96).shape == (68, 198, 3)


def test_contact_sheet_refuses_more_images_than_titles():
    with pytest.raises(InputError, match="2 images in a row but 1 titles"):
        contact_sheet([[BLACK, BLACK]], ["one"])


def test_images_are_written_whole_and_in_rgb(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "new" / "x.png"
    write_image(path, rgb)
    np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], rgb)
    write_image(path.with_suffix(".jpg"), np.full((16, 16, 3), (250, 10, 10), np.uint8))
    red = cv2.imread(str(path.with_suffix(".jpg")))[8, 8]
    assert red[2] > 240 and red[0] < 20
    assert sorted(p.name for p in path.parent.iterdir()) == ["x.jpg", "x.png"]


def test_a_wrong_suffix_or_folder_is_told(tmp_path):
    with pytest.raises(InputError, match=r"x\.gif: an image is written as"):
        write_image(tmp_path / "x.gif", BLACK)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_image(tmp_path / "file" / "x.png", BLACK)
