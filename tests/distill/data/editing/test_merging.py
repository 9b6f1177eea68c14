"""Several sets in one: nobody is lost, and nobody learns from what a set does not annotate."""

import numpy as np
import pytest
import torch
from PIL import Image

from distill.data.annotations import AnnotatedSplit, Annotations
from distill.data.augment import AugmentConfig
from distill.data.editing.coco_writer import write_coco
from distill.data.editing.content import Content
from distill.data.editing.joints import union
from distill.data.editing.merging import joined_by_annotation, merged
from distill.data.keypoint_set import KeypointSet
from distill.data.loader import collate
from distill.data.reading.findings import Findings
from distill.data.source import DataSource
from distill.data.training_samples import TrainingSamples
from distill.heads.heatmaps import Heatmaps
from distill.pose.skeleton import Skeleton, with_defaults
from distill.system.errors import InputError

HANDS = Skeleton.from_plain(with_defaults(("l_hand", "r_hand"), name="hands"))
FEET = Skeleton.from_plain(with_defaults(("r_foot", "l_hand"), name="feet"))


@pytest.fixture
def make(tmp_path):
    """Function that makes a split of 64 x 64 photographs with one person each, all joints at a point of its own."""

    def make(name, skeleton, ids, annotation_ids=None, files=None, points=None):
        folder = tmp_path / name / "train"
        folder.mkdir(parents=True)
        files = files or [f"{name}{image_id}.png" for image_id in ids]
        for file in files:
            Image.new("RGB", (64, 64), (len(name) * 9, 0, 0)).save(folder / file)
        count, joints = len(ids), len(skeleton)
        places = np.random.default_rng(len(name)).uniform(10, 54, (count, joints, 2)) if points is None else points
        annotations = Annotations(
            ids=np.array(annotation_ids or ids),
            image_ids=np.array(ids),
            boxes=np.tile([5.0, 5, 50, 50], (count, 1)),
            keypoints=np.concatenate([places, np.full((count, joints, 1), 2)], axis=2).astype(np.float32),
            is_crowd=np.zeros(count, dtype=bool),
            areas=np.full(count, 2000.0),
            outlines=(None,) * count,
        )
        return Content.of(
            AnnotatedSplit(
                skeleton=skeleton,
                image_ids=np.array(ids),
                sizes=np.full((count, 2), 64),
                folder=folder,
                files=np.array(files),
                annotations=annotations,
                annotation_file=folder,
                sha256=name,
            )
        )

    return make


def test_joints_are_matched_by_name_and_the_others_masked(make):
    one, two = make("one", HANDS, [1, 2]), make("second", FEET, [7])
    skeleton = union([HANDS, FEET])
    split = merged([one, two], skeleton, "train").split
    assert split.skeleton.joints == ("l_hand", "r_hand", "r_foot") and split.image_ids.tolist() == [1, 2, 7]
    assert split.annotates.tolist() == [[True, True, False]] * 2 + [[True, False, True]]
    foot, hand = two.split.annotations.keypoints[0]
    assert np.array_equal(split.annotations.keypoints[2], [hand, [0, 0, 0], foot])
    assert np.array_equal(split.annotations.keypoints[:2, :2], one.split.annotations.keypoints)


def test_ids_and_files_are_made_unique(make):
    one = make("one", HANDS, [1, 5], annotation_ids=[3, 4], files=["a.png", "b.png"])
    two = make("second", HANDS, [5, 9], annotation_ids=[4, 8], files=["a.png", "c.png"])
    content = merged([one, two], HANDS, "train")
    split = content.split
    assert split.image_ids.tolist() == [1, 5, 9, 10] and split.annotations.ids.tolist() == [3, 4, 8, 9]
    assert split.annotations.image_ids.tolist() == [1, 5, 9, 10]
    assert split.files.tolist() == ["one/a.png", "one/b.png", "second/c.png", "second/a.png"]
    assert [path.name for path in content.photographs] == ["a.png", "b.png", "c.png", "a.png"]
    expected = [*one.split.annotations.keypoints, *two.split.annotations.keypoints[::-1]]
    assert np.array_equal(split.annotations.keypoints, expected)


def test_a_joint_learns_from_the_photographs_that_have_it_and_from_no_other(make, tmp_path):
    skeleton = union([HANDS, FEET])
    write_coco(
        tmp_path / "both", "train", merged([make("one", HANDS, [1]), make("second", FEET, [7])], skeleton, ""), "copy"
    )
    data = KeypointSet(DataSource(tmp_path / "both", "train"), skeleton)
    samples = TrainingSamples(data, (64, 64), AugmentConfig(), seed=0)
    for epoch in range(6):
        batch = collate([samples[epoch, 1], samples[epoch, 7]])
        maps = torch.full((2, 3, 16, 16), 0.3, requires_grad=True)
        loss = Heatmaps().losses(maps, batch, 4, 0.0, {})["heatmap_hard_s4"].value
        (gradient,) = torch.autograd.grad(loss, maps)
        learns = gradient.abs().sum((2, 3)) > 0
        swapped = samples.data.skeleton.flip_index
        expected = torch.tensor([[True, True, False], [True, False, True]])
        mirrored = expected[:, torch.from_numpy(swapped)]
        assert all(
            torch.equal(row, straight) or torch.equal(row, turned)
            for row, straight, turned in zip(learns, expected, mirrored, strict=True)
        )


def test_feet_are_joined_to_persons_by_annotation(make, tmp_path):
    body = np.random.default_rng(0).uniform(10, 54, (3, 2, 2))
    one = make("one", HANDS, [1, 2, 3], annotation_ids=[10, 20, 30], points=body)
    feet = np.stack([np.random.default_rng(1).uniform(10, 54, (2, 2)), body[[0, 2], 0]], axis=1)
    feet[1, 1] += 9
    two = make("second", FEET, [1, 3], annotation_ids=[10, 30], points=feet)
    findings = Findings(tmp_path)
    skeleton = union([HANDS, FEET])
    split = joined_by_annotation(one, two, skeleton, findings).split
    assert split.annotations.ids.tolist() == [10, 20, 30] and split.image_ids.tolist() == [1, 2, 3]
    assert np.allclose(split.annotations.keypoints[:, :2, :2], body)
    assert split.annotations.keypoints[:, 2, 2].tolist() == [2, 0, 2]
    assert split.annotates[:, 2].tolist() == [True, False, True]
    [line] = findings.notes()
    assert "more than 3 pixels elsewhere in the second annotation; the first counts: 1, first annotation 30" in line


def test_annotations_of_other_photographs_are_not_joined(make, tmp_path):
    one = make("one", HANDS, [1, 2], annotation_ids=[10, 20])
    two = make("second", FEET, [2], annotation_ids=[10])
    with pytest.raises(InputError, match="annotation 10 is of another photograph than in"):
        joined_by_annotation(one, two, union([HANDS, FEET]), Findings(tmp_path))


def test_persons_whom_the_first_set_does_not_know_are_told(make, tmp_path):
    one, two = make("one", HANDS, [1], annotation_ids=[10]), make("second", FEET, [1, 4], annotation_ids=[10, 11])
    findings = Findings(tmp_path)
    split = joined_by_annotation(one, two, union([HANDS, FEET]), findings).split
    assert len(split.annotations) == 1 and any("left out: 1, first annotation 11" in line for line in findings.notes())
