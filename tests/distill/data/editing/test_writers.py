"""What is written as COCO or YOLO-pose is read back as it was."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from distill.data.annotations import AnnotatedSplit, Annotations, PackedValues
from distill.data.editing.coco_writer import write_coco
from distill.data.editing.content import Content
from distill.data.editing.yolo_writer import write_yolo
from distill.data.formats.registry import read_split
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17, Skeleton, get_skeleton, with_defaults
from distill.system.errors import InputError

SIZES = ((40, 30), (33, 50))
THREE = Skeleton.from_plain(
    with_defaults(("l_fin", "r_fin", "tail"), name="fish", limbs=[("l_fin", "tail")], sigmas=(0.05, 0.05, 0.1))
)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photographs")
    for number, size in enumerate(SIZES):
        Image.new("RGB", size, (9, 99, 200)).save(folder / f"{number}.jpg")
    return [folder / f"{number}.jpg" for number in range(len(SIZES))]


@st.composite
def contents(draw, photographs, crowds=True):
    """A split of two photographs with up to four persons, joints where both formats can have them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    owners = np.sort(rng.integers(0, 2, draw(st.integers(0, 4))))
    limits = np.array(SIZES)[owners].reshape(-1, 1, 2).astype(float)
    points = rng.uniform(0.6, 1, (len(owners), 3, 2)) * (limits - 1)
    flags = rng.integers(0, 3, (len(owners), 3, 1))
    keypoints = np.concatenate([points, flags], axis=2) * (flags > 0)
    boxes = np.concatenate([0.3 * limits[:, 0], rng.uniform(0.5, 0.7, (len(owners), 2)) * limits[:, 0]], axis=1)
    outlines = [[[1.0, 1.0, 9.5, 1.0, 9.5, 9.0]] if rng.random() < 0.5 else None for _ in owners]
    annotations = Annotations(
        ids=rng.permutation(1000)[: len(owners)] + 1,
        image_ids=np.array([7, 2**40])[owners].astype(np.int64),
        boxes=boxes,
        keypoints=keypoints.astype(np.float32),
        is_crowd=(rng.random(len(owners)) < 0.3) & crowds,
        areas=boxes[:, 2:].prod(axis=1) * rng.uniform(0.5, 1, len(owners)),
        outlines=PackedValues(outlines if crowds else [None] * len(owners)),
    )
    annotated = (rng.random(2) < 0.7) | np.isin([7, 2**40], annotations.image_ids)
    split = AnnotatedSplit(
        skeleton=THREE,
        image_ids=np.array([7, 2**40]),
        sizes=np.array(SIZES),
        folder=photographs[0].parent,
        files=np.array(["0.jpg", "deep/1.jpg"]),
        annotations=annotations,
        annotation_file=photographs[0].parent,
        sha256="0",
        category=5,
        is_annotated=annotated if len(owners) else np.zeros(2, dtype=bool),
        annotates=(rng.random((2, 3)) < 0.8) | [True, False, False],
    )
    return Content(split, photographs)


def assert_same(read: AnnotatedSplit, written: AnnotatedSplit):
    assert read.image_ids.tolist() == written.image_ids.tolist()
    assert read.sizes.tolist() == written.sizes.tolist() and read.category == written.category
    assert read.is_annotated.tolist() == written.is_annotated.tolist()
    one, two = read.annotations, written.annotations
    assert one.ids.tolist() == two.ids.tolist() and one.image_ids.tolist() == two.image_ids.tolist()
    assert np.allclose(one.keypoints, two.keypoints, atol=1e-3) and np.allclose(one.boxes, two.boxes, atol=1e-3)
    assert np.allclose(one.areas, two.areas, atol=1e-3) and one.is_crowd.tolist() == two.is_crowd.tolist()
    assert list(one.outlines) == list(two.outlines)


anywhere = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anywhere
@given(data=st.data())
def test_coco_is_read_back(data, photographs, tmp_path_factory):
    content = data.draw(contents(photographs))
    root = tmp_path_factory.mktemp("coco")
    write_coco(root, "train", content, "link")
    read = read_split(DataSource(root, "train"), get_skeleton(root / "skeleton.yaml"))
    assert_same(read, content.split)
    shown = content.split.annotates & content.split.is_annotated[:, None]
    assert (read.annotates & read.is_annotated[:, None]).tolist() == shown.tolist()
    assert (read.skeleton.plain() == THREE.plain() and read.notes == ()) or "nobody is annotated" in read.notes[0]


@anywhere
@given(data=st.data())
def test_yolo_and_back(data, photographs, tmp_path_factory):
    content = data.draw(contents(photographs, crowds=False))
    root = tmp_path_factory.mktemp("yolo")
    write_yolo(root, {"val": content}, "copy")
    read = read_split(DataSource(root, "val"), None)
    assert read.skeleton.joints == THREE.joints and read.skeleton.flip_pairs == THREE.flip_pairs
    one, two = read.annotations, content.split.annotations
    rows = read.image_ids.searchsorted(one.image_ids)
    assert rows.tolist() == content.split.image_ids.searchsorted(two.image_ids).tolist()
    assert np.allclose(one.keypoints, two.keypoints, atol=1e-3) and np.allclose(one.boxes, two.boxes, atol=1e-3)


def test_run_lengths_and_crowds_stay(shared, tmp_path):
    split = read_split(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    width, height = split.sizes[split.image_ids.searchsorted(split.annotations.image_ids[0])].tolist()
    runs = {"size": [height, width], "counts": [40, 9, width * height - 49]}
    outlines = PackedValues([runs, *list(split.annotations.outlines)[1:]])
    split = replace(split, annotations=replace(split.annotations, outlines=outlines))
    write_coco(tmp_path, "train2017", Content.of(split), "link")
    read = read_split(DataSource(tmp_path, "train2017"), COCO_17)
    assert_same(read, split)
    assert read.annotations.is_crowd.any() and read.notes == ()
    assert not (tmp_path / "skeleton.yaml").exists()


def test_the_file_is_what_other_tools_take(shared, tmp_path):
    from pycocotools.coco import COCO

    split = read_split(DataSource(shared / "coco_mini"), COCO_17)
    path = write_coco(tmp_path, "val2017", Content.of(split), "link")
    ours, theirs = COCO(str(path)), COCO(str(split.annotation_file))
    for number, annotation in theirs.anns.items():
        written = ours.anns[number]
        assert np.allclose(written["keypoints"], annotation["keypoints"], atol=1e-3)
        if annotation.get("segmentation"):
            assert (ours.annToMask(written) == theirs.annToMask(annotation)).all()


def test_what_yolo_cannot_carry_is_told(shared, tmp_path):
    split = read_split(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    told = write_yolo(tmp_path, {"val": Content.of(split)}, "link")
    assert any("crowds are left out: 7" in line for line in told)
    assert any("outlines, and areas that differ" in line for line in told)
    read = read_split(DataSource(tmp_path, "val"), None)
    assert read.skeleton is COCO_17 and read.image_ids.tolist() == split.image_ids.tolist()


def test_a_photograph_that_is_read_unturned_stays_so(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "annotations": [],
        "categories": [{"id": 1, "name": "person", "keypoints": ["a"]}],
    }
    (tmp_path / "all.json").write_text(json.dumps(document))
    split = read_split(DataSource(annotations=tmp_path / "all.json", images=tmp_path), None)
    write_yolo(tmp_path / "yolo", {"val": Content.of(split)}, "copy")
    read = read_split(DataSource(tmp_path / "yolo", "val"), None)
    assert read.sizes.tolist() == [[40, 30]]
    with Image.open(read.folder / str(read.files[0])) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_names_that_differ_in_their_ending_get_labels_of_their_own(photographs, tmp_path):
    Image.new("RGB", SIZES[0]).save(tmp_path / "0.png")
    Image.new("RGB", SIZES[0]).save(tmp_path / "0.jpg")
    split = read_split(DataSource(tmp_path), COCO_17)
    write_yolo(tmp_path / "yolo", {"train": Content.of(split)}, "copy")
    assert sorted(path.stem for path in (tmp_path / "yolo" / "labels" / "train").iterdir()) == ["0", "0_2"]
    assert len(list((tmp_path / "yolo" / "images" / "train").iterdir())) == 2


def test_splits_of_different_joints_are_refused(shared, photographs, tmp_path):
    one = Content.of(read_split(DataSource(shared / "coco_mini"), COCO_17))
    two = Content.of(read_split(DataSource(shared / "coco_mini"), COCO_17)).with_skeleton(
        Skeleton.from_plain(COCO_17.plain() | {"name": "other"})
    )
    with pytest.raises(InputError, match="the splits have different joints"):
        write_yolo(tmp_path / "new", {"train": one, "val": two}, "link")
