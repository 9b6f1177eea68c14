"""Each fault is found in the set that carries it and not in good ones."""

import numpy as np
import pytest

from distill.data.checking import suspicions
from distill.data.formats.registry import read_split
from distill.data.reading.findings import Findings
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


def looked(split):
    findings = Findings(split.annotation_file)
    suspicions.look(split, findings)
    return findings.lines()


def test_good_sets_look_well(good, shared):
    assert looked(good) == []
    assert looked(read_split(DataSource(shared / "coco_mini", "train2017"), COCO_17)) == []


def far(fields):
    x, y, w, h = fields["boxes"][0]
    fields["keypoints"][0, 5] = x + w + 2.5 * max(w, h), y, 2


def swapped(fields):
    fields["keypoints"] = fields["keypoints"][:, COCO_17.flip_index]


def hips_swapped(fields):
    fields["keypoints"][:, [11, 12]] = fields["keypoints"][:, [12, 11]]


def hidden(fields):
    fields["keypoints"][..., 2] = np.minimum(fields["keypoints"][..., 2], 1)


def without_noses(fields):
    fields["keypoints"][:, 0] = 0


def whole(fields):
    fields["boxes"][:] = 0, 0, 128, 128


def twice(fields):
    images = fields["image_ids"]
    first = int(np.flatnonzero(np.diff(images) == 0)[0])
    fields["keypoints"][first + 1] = fields["keypoints"][first]
    fields["keypoints"][first + 1, :, 0] += 0.3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (far, "persons with joints far outside their box: 1, first annotation"),
        (swapped, "persons who face the camera with left and right swapped"),
        (hips_swapped, "persons whose hips lie the other way round than their shoulders"),
        (hidden, "persons none of whose joints is visible (2), in all of the split"),
        (without_noses, "joints that nobody has: 1, first nose"),
        (whole, "persons whose box is the whole photograph, nearly all of the split"),
        (twice, "persons whose joints are another's of the same photograph: 1"),
    ],
)
def test_what_looks_wrong_is_said(spoilt, spoil, message):
    assert any(message in line for line in looked(spoilt(spoil)))


def test_swapped_sides_of_a_handful_are_not_most(spoilt):
    def swap_some(fields):
        fields["keypoints"][:3] = fields["keypoints"][:3, COCO_17.flip_index]

    assert looked(spoilt(swap_some)) == []
