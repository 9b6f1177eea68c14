"""What annotation tools, converters and hands write: read right, told, or refused in one line."""

import subprocess
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

READ = (
    "good",
    "category_keypoints_null",
    "category_missing",
    "iscrowd_null",
    "keypoints_null",
    "negative_ids",
    "person_is_3",
    "png_16_bit",
    "png_palette_alpha",
    "seg_empty_ring",
    "seg_flat",
    "seg_one_point",
    "seg_two_points_first",
    "string_ids",
    "string_image_id_only",
    "webp_uppercase",
    "windows_names",
)
NO_AREA = "annotations without a usable area; it is taken from outline or box: {}, first annotation"
TOLD = {
    "area_null": NO_AREA,
    "area_one": NO_AREA,
    "area_zero": NO_AREA,
    "car_without_keypoints": "annotations of other categories than 'person' are left out (1 of 'car'): 1",
    "coco_annotator": "annotations without a usable box; it is taken from outline or joints: 1",
    "dog_with_17_joints": "annotations of other categories than 'person' are left out (1 of 'dog'): 1",
    "exif_180": "with an EXIF turn; they are turned as viewers show them",
    "label_studio": "annotations of other categories than 'default' are left out",
    "nan_joint": "persons with joints that are no numbers; these count as unlabelled: ",
    "normalised": "joints between 0 and 1 are taken for fractions of the photograph: ",
    "rle_empty": "outlines whose run-lengths do not fill the image count as unknown: 1",
    "rle_short": "outlines whose run-lengths do not fill the image count as unknown: 1",
    "seg_far": "outlines with a point that is no number or far from the image count as unknown: 1",
    "seg_nan": "outlines with a point that is no number or far from the image count as unknown: 1",
    "size_missing": "images without width and height; they are the photograph's: 3, first image 1",
    "size_zero": "images without width and height; they are the photograph's: 1, first image 2",
    "unlabelled": "photographs in which nobody is annotated: 3, first image 1",
    "via_size": "images without width and height; they are the photograph's: 1, first image 2",
}
REFUSED = {
    "empty_file": "cannot be read as a photograph",
    "hash_ids": "give a whole number of 64 bits",
    "ids_collide": "lists two images with id 1",
    "joints_numbered": "joint 1 is '1' instead of 'nose'; choose the set's own joints with --skeleton auto",
    "panorama_200_mpix": "cannot be read as a photograph",
    "png_long_text": "cannot be read as a photograph",
}


@pytest.fixture(scope="module")
def cases(shared: Path, tmp_path_factory) -> Path:
    """Folder of all cases, each a COCO set of its own."""
    out = tmp_path_factory.mktemp("exports")
    subprocess.run([sys.executable, shared / "exports" / "make_cases.py", out], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def truth(shared: Path) -> dict[str, np.ndarray]:
    """Labelled persons (P, 17, 3) of each photograph of the unharmed set by its file's name without ending."""
    data = KeypointSet(DataSource(shared / "coco_mini"), COCO_17)
    return {data.path(image_id).stem: data.keypoints(image_id) for image_id in data.image_ids.tolist()}


def opened(root: Path) -> KeypointSet:
    return KeypointSet(DataSource(root), COCO_17)


def perfect_ap(data: KeypointSet, truth: dict[str, np.ndarray]) -> float:
    """AP of somebody who knows the joints of the unharmed set."""
    found = {}
    for image_id in data.image_ids.tolist():
        persons = truth[PurePosixPath(data.path(image_id)).stem]
        found[image_id] = (persons, np.ones(len(persons), dtype=np.float32))
    return evaluate(found, data)["ap"]


def looked_through(data: KeypointSet):
    """Read everything that a training reads."""
    for image_id in data.image_ids.tolist():
        assert data.photograph(image_id).shape[1::-1] == data.size(image_id)
        assert np.array_equal(data.masks(image_id), data.masks(image_id))


def test_every_case_is_expected(cases):
    assert sorted(path.name for path in cases.iterdir()) == sorted((*READ, *TOLD, *REFUSED))


@pytest.mark.parametrize("name", READ)
def test_read_as_if_nothing_were_wrong(cases, truth, name):
    data = opened(cases / name)
    looked_through(data)
    assert perfect_ap(data, truth) > 0.99


@pytest.mark.parametrize("name", [name for name in TOLD if name != "unlabelled"])
def test_read_and_told(cases, truth, name):
    data = opened(cases / name)
    assert any(TOLD[name].split("{}")[0] in line for line in data.notes), data.notes
    looked_through(data)
    assert perfect_ap(data, truth) > 0.95


def test_photographs_nobody_annotated(cases):
    data = opened(cases / "unlabelled")
    [line] = data.notes
    assert TOLD["unlabelled"] in line
    looked_through(data)
    assert not any(data.is_annotated(image_id) for image_id in data.image_ids.tolist())


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(cases, name):
    with pytest.raises(InputError) as caught:
        opened(cases / name)
    assert REFUSED[name] in str(caught.value) and "\n" not in str(caught.value)


def test_numbered_joints_are_the_sets_own_skeleton(cases):
    data = KeypointSet(DataSource(cases / "joints_numbered"), None)
    assert data.skeleton.joints == tuple(str(number) for number in range(1, 18))


def test_joints_of_an_upside_down_camera_lie_on_the_person(cases):
    turned, good = opened(cases / "exif_180"), opened(cases / "good")
    difference = turned.photograph(1).astype(int) - good.photograph(1).astype(int)
    assert np.abs(difference).mean() < 6


def test_sixteen_bits_are_not_white(cases):
    deep, good = opened(cases / "png_16_bit").photograph(1), opened(cases / "good").photograph(1)
    grey = good.astype(float) @ (0.299, 0.587, 0.114)
    assert np.abs(deep[..., 0] - grey).max() < 2
