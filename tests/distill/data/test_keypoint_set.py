"""Reading COCO folders: what is in them and what is wrong with them."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pycocotools.coco import COCO

from distill.data.keypoint_set import IGNORED, PERSON, UNKNOWN, KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

SQUARE = [[2.0, 2.0, 10.0, 2.0, 10.0, 12.0, 2.0, 12.0]]


def test_keypoints_are_continuous_and_only_of_labelled_persons(write):
    data = write({}, {"keypoints": [0] * 51}, {"iscrowd": 1})
    assert data.keypoints(7).shape == (1, 17, 3)
    np.testing.assert_array_equal(data.keypoints(7)[0, 0], (5.5, 6.5, 2))


def test_known_outline_is_person(write):
    masks = write({"segmentation": SQUARE}).masks(7)
    assert masks[7, 5].tolist() == [255, 0, 0]
    assert not masks[13].any()
    assert (masks[..., PERSON] > 0).sum() == 80


def test_unknown_outline_is_neither_person_nor_background(write):
    masks = write({}).masks(7)
    assert (masks[2:12, 2:10, UNKNOWN] == 255).all()
    assert not masks[..., PERSON].any()
    assert not masks[..., IGNORED].any()


def test_unlabelled_persons_are_ignored_by_outline_or_box(write):
    unlabelled = {"keypoints": [0] * 51}
    by_outline = write(unlabelled | {"segmentation": SQUARE}).masks(7)
    np.testing.assert_array_equal(by_outline[..., IGNORED], by_outline[..., PERSON])
    by_box = write(unlabelled).masks(7)
    np.testing.assert_array_equal(by_box[..., IGNORED], by_box[..., UNKNOWN])


def test_crowds_are_person_and_ignored(write):
    counts = {"size": [16, 24], "counts": [16 * 4, 16 * 2, 16 * 18]}
    masks = write({"iscrowd": 1, "segmentation": counts}).masks(7)
    assert (masks[:, 4:6] == (255, 0, 255)).all()
    assert not masks[:, 6:].any()


def test_what_is_read_of_an_image_is_no_longer_in_python_objects_that_workers_would_copy(shared):
    data = KeypointSet(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    held = [value for part in (data, data.annotations, data.annotations.outlines) for value in vars(part).values()]
    assert not [value for value in held if isinstance(value, dict | list | set)]
    assert not [value for value in held if isinstance(value, np.ndarray) and value.dtype == object]


def test_outlines_are_those_of_pycocotools(write):
    two_parts = [*SQUARE, [14.5, 1.25, 21.0, 3.0, 18.3, 9.9]]
    by_counts = {"size": [16, 24], "counts": [16 * 11 + 3, 5, 11, 7, 16 * 12 - 10]}
    unlabelled = {"segmentation": [[1, 11, 6, 11, 6, 15.5]], "keypoints": [0] * 51}
    annotations = {"segmentation": two_parts}, {"segmentation": by_counts, "iscrowd": 1}, unlabelled
    data = write(*({"category_id": 1} | annotation for annotation in annotations))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(data.annotation_file)
    outlines = np.array([coco.annToMask(annotation) for annotation in coco.loadAnns([1, 2, 3])], dtype=bool)
    assert (outlines.sum(axis=(1, 2)) >= 10).all()
    masks = data.masks(7) > 0
    np.testing.assert_array_equal(masks[..., PERSON], outlines.any(axis=0))
    np.testing.assert_array_equal(masks[..., IGNORED], outlines[1:].any(axis=0))


def test_real_photographs_read_whole(shared):
    for split, persons in (("train2017", 226), ("val2017", 239)):
        data = KeypointSet(DataSource(shared / "coco_mini", split), COCO_17)
        assert sum(len(data.keypoints(i)) for i in data.image_ids) == persons
        for image_id in data.image_ids[:20]:
            width, height = data.size(image_id)
            assert data.photograph(image_id).shape == data.masks(image_id).shape == (height, width, 3)


def test_missing_root(tmp_path):
    with pytest.raises(InputError, match=r"nowhere is not a folder"):
        KeypointSet(DataSource(tmp_path / "nowhere", "train2017"), COCO_17)


def test_a_photograph_that_a_library_refuses_is_one_line(write, tmp_path):
    data = write({})
    text = PngInfo()
    text.add_text("comment", "x" * 2_000_000, zip=True)
    Image.new("RGB", (24, 16)).save(tmp_path / "train2017/7.jpg", "PNG", pnginfo=text)
    with pytest.raises(InputError, match=r"7.jpg cannot be read as a photograph"):
        data.photograph(7)
    Image.new("1", (20_000, 10_000)).save(tmp_path / "train2017/7.jpg", "PNG")
    with pytest.raises(InputError, match=r"7.jpg cannot be read as a photograph"):
        data.photograph(7)


def test_absent_and_truncated_photographs(write, tmp_path):
    data = write({})
    path = tmp_path / "train2017/7.jpg"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"7.jpg cannot be read as a photograph"):
        data.photograph(7)
    path.unlink()
    with pytest.raises(InputError, match=r"7.jpg does not exist"):
        data.photograph(7)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_grey_and_printed_photographs_become_rgb_and_none_is_turned(write, tmp_path, mode):
    data = write({})
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be turned by a quarter, which COCO's annotations do not
    Image.new("RGB", (24, 16), (200, 200, 200)).convert(mode).save(tmp_path / "train2017/7.jpg", exif=orientation)
    pixels = data.photograph(7)
    assert pixels.shape == (16, 24, 3)
    assert np.abs(pixels.astype(int) - 200).max() <= 3


def test_photograph_of_another_size(write, tmp_path):
    data = write({})
    Image.new("RGB", (20, 20)).save(tmp_path / "train2017/7.jpg")
    with pytest.raises(InputError, match=r"20 x 20 pixels, but .* says 24 x 16"):
        data.photograph(7)


def test_unknown_image_id(write):
    with pytest.raises(InputError, match="image id 8 is not in"):
        write({}).photograph(8)
