import hashlib

import cv2
import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO

from distill.pose.skeleton import COCO_17
from distill.synthetic import SceneConfig, draw_scene, measure, synthesize
from distill.system.errors import InputError

SCENES = SceneConfig(size=128)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic")
    return root, synthesize(root, "train2017", 300, 11, SCENES, workers=1)


@pytest.fixture(scope="module")
def coco(written):
    return COCO(written[1])


def _contents(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_official_tools_read_it(written, coco):
    root, _ = written
    assert len(coco.imgs) == 300
    assert coco.cats[1]["keypoints"] == list(COCO_17.joints)
    assert min(coco.anns) == 1
    for image in coco.loadImgs([1, 150, 300]):
        assert image["file_name"] == f"{image['id']:012d}.jpg"
        pixels = cv2.imread(str(root / "train2017" / image["file_name"]))
        assert pixels.shape == (128, 128, 3)


def test_outlines_areas_and_boxes_agree(coco):
    for annotation in list(coco.anns.values())[:150]:
        outline = coco.annToMask(annotation)
        rows, columns = np.nonzero(outline)
        x, y, width, height = annotation["bbox"]
        assert annotation["area"] == outline.sum() == rle.area(annotation["segmentation"])
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
        assert annotation["iscrowd"] == 0


def test_keypoints_are_those_of_the_scene(coco):
    for index in (0, 42, 299):
        scene = draw_scene(SCENES, 11, index)
        stored = [a["keypoints"] for a in coco.imgToAnns[index + 1]]
        keypoints = np.array(stored).reshape(-1, 17, 3)
        labelled = scene.keypoints[:, :, 2] > 0
        assert (keypoints[:, :, 2] == scene.keypoints[:, :, 2]).all()
        np.testing.assert_allclose(keypoints[labelled][:, :2] + 0.5, scene.keypoints[labelled][:, :2], atol=0.006)
        assert not keypoints[~labelled].any()
        assert [a["num_keypoints"] for a in coco.imgToAnns[index + 1]] == labelled.sum(1).tolist()


def test_photographs_are_those_of_the_scene(written):
    scene = draw_scene(SCENES, 11, 5)
    photograph = cv2.imread(str(written[0] / "train2017" / f"{6:012d}.jpg"))[:, :, ::-1]
    assert np.abs(photograph.astype(int) - scene.image).mean() < 8


def test_the_defaults_are_as_hard_as_the_demo_asks(written):
    figures = measure(written[1])
    assert figures["images"] == 300
    assert 1.8 < figures["persons_per_image"] < 2.2
    assert figures["mean_pairwise_iou"] >= 0.1
    assert figures["occluded_fraction"] >= 0.1
    assert figures["truncated_fraction"] >= 0.1
    assert 0.35 <= figures["min_standing_height"] < 0.45
    assert 0.9 < figures["max_standing_height"] <= 1.0
    assert figures["distractors_per_image"] == pytest.approx(2, abs=0.25)


def test_the_number_of_workers_changes_nothing(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        synthesize(tmp_path / name, "val2017", 40, 3, SceneConfig(size=64), workers=workers)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")
    assert len(_contents(tmp_path / "one")) == 41


def test_progress_is_reported(tmp_path):
    seen = []

    def record(done, total):
        seen.append((done, total))

    synthesize(tmp_path, "val2017", 40, 0, SceneConfig(size=32), workers=1, progress=record)
    assert seen == [(32, 40), (40, 40)]


def test_a_split_that_is_there_is_refused_unless_overwritten(tmp_path):
    config = SceneConfig(size=32)
    synthesize(tmp_path, "val2017", 3, 0, config, workers=1)
    before = _contents(tmp_path)
    with pytest.raises(InputError, match="val2017 is already there"):
        synthesize(tmp_path, "val2017", 2, 1, config, workers=1)
    assert _contents(tmp_path) == before
    synthesize(tmp_path, "val2017", 2, 1, config, workers=1, overwrite=True)
    assert len(_contents(tmp_path)) == 3
    with pytest.raises(InputError, match="seed 1 already"):
        synthesize(tmp_path, "train2017", 2, 1, config, workers=1)


def test_what_was_interrupted_leaves_nothing(tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    config = SceneConfig(size=32)
    synthesize(tmp_path, "val2017", 2, 0, config, workers=1)
    before = _contents(tmp_path)
    for workers in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            synthesize(tmp_path, "val2017", 70, 1, config, workers=workers, overwrite=True, progress=interrupt)
    assert _contents(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["annotations", "val2017"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("images 0", {"images": 0}),
        ("seed -1", {"seed": -1}),
        ("split", {"split": "../outside"}),
        ("workers -2", {"workers": -2}),
        ("quality 0", {"quality": 0}),
    ],
)
def test_a_wrong_value_is_named(tmp_path, field, change):
    values = {"split": "val2017", "images": 1, "seed": 0, "workers": 1} | change
    with pytest.raises(InputError, match=field):
        synthesize(tmp_path / "set", config=SceneConfig(size=32), **values)
    assert not (tmp_path / "set").exists()


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "set").write_text("")
    with pytest.raises(InputError, match="is a file"):
        synthesize(tmp_path / "set", "val2017", 1, 0, SceneConfig(size=32), workers=1)


@pytest.mark.parametrize("content", ["[1, 2]", "{}", "{", ""])
def test_measuring_another_file_is_refused(tmp_path, content):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(InputError, match=r"other\.json"):
        measure(tmp_path / "other.json")


@pytest.mark.parametrize("content", ["{", "[]", '{"info": {}}', '{"info": {"seed": 0}}'])
def test_other_splits_may_be_anything(tmp_path, content):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "person_keypoints_other.json").write_text(content)
    assert synthesize(tmp_path, "val2017", 1, 0, SceneConfig(size=32), workers=1).exists()


def test_measuring_works_on_photographs_too(shared):
    figures = measure(next((shared / "coco_mini" / "annotations").glob("person_keypoints_val*.json")))
    assert figures["persons"] > 50 and 0 < figures["occluded_fraction"] < 1
    assert "distractors_per_image" not in figures
