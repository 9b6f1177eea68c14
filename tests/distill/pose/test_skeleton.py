"""Skeletons refuse what does not fit together."""

from dataclasses import replace

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from distill.pose.skeleton import COCO_17, get_skeleton
from distill.system.errors import InputError


def test_sigmas_are_those_of_pycocotools():
    np.testing.assert_allclose(COCO_17.sigmas, Params("keypoints").kpt_oks_sigmas)


def test_flipping_twice_is_nothing():
    np.testing.assert_array_equal(COCO_17.flip_index[COCO_17.flip_index], np.arange(17))
    for k, name in enumerate(COCO_17.joints):
        other = COCO_17.joints[COCO_17.flip_index[k]]
        assert {"left": "right", "right": "left"}.get(name.split("_")[0], "nose") == other.split("_")[0]


def test_grouping_visits_head_and_trunk_first():
    assert COCO_17.grouping_index.tolist() == [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": ("nose",) * 17}, "occurs twice"),
        ({"sigmas": (0.1,)}, "sigmas needs 17"),
        ({"limbs": (("nose", "tail"),)}, "limbs names unknown joint tail"),
        ({"flip_pairs": (("nose", "wing"),)}, "flip_pairs names unknown joint wing"),
        ({"grouping_order": ("nose",)}, "every joint once"),
    ],
)
def test_inconsistent_fields_are_named(change, message):
    with pytest.raises(InputError, match=message):
        replace(COCO_17, **change)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="coco_17"):
        get_skeleton("h36m")
