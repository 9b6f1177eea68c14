"""Outlines are drawn as pycocotools draws them, and never reach it where they would harm it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as rle

from distill.data.reading.outlines import drawn, usable_outline

WIDTH, HEIGHT = 24, 16
SQUARE = [2.0, 2.0, 10.0, 2.0, 10.0, 12.0, 2.0, 12.0]


@given(arrays(bool, (HEIGHT, WIDTH)))
def test_compressed_run_lengths_are_understood(mask):
    packed = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
    outline = usable_outline({"size": [HEIGHT, WIDTH], "counts": packed["counts"].decode()}, WIDTH, HEIGHT)
    np.testing.assert_array_equal(drawn(outline, WIDTH, HEIGHT), mask)


def test_long_runs_are_understood():
    width, height = 5000, 4000
    mask = np.zeros((height, width), np.uint8, order="F")
    mask[100:3900, 100:3000] = 1
    packed = {"size": [height, width], "counts": rle.encode(mask)["counts"].decode()}
    assert drawn(usable_outline(packed, width, height), width, height).sum() == mask.sum()


@given(arrays(bool, (HEIGHT, WIDTH)), st.data())
def test_cut_run_lengths_are_refused(mask, data):
    counts = rle.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode()
    cut = counts[: data.draw(st.integers(0, len(counts) - 1))]
    with pytest.raises(ValueError, match="run-length"):
        usable_outline({"size": [HEIGHT, WIDTH], "counts": cut}, WIDTH, HEIGHT)


@pytest.mark.parametrize("nothing", [None, [], {}, [[]], [[1, 2]], [[1, 1, 9, 1]], [[], [1, 2, 3, 4]]])
def test_what_encloses_nothing_is_unknown(nothing):
    assert usable_outline(nothing, WIDTH, HEIGHT) is None


def test_rings_of_too_few_points_are_left_out():
    assert usable_outline([[1, 1, 9, 1], SQUARE], WIDTH, HEIGHT) == [SQUARE]


def test_a_ring_may_stand_alone():
    np.testing.assert_array_equal(drawn(usable_outline(SQUARE, WIDTH, HEIGHT), WIDTH, HEIGHT)[2:12, 2:10], True)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[float("nan"), *SQUARE[1:]]], "a point that is no number"),
        ([[2e8, *SQUARE[1:]]], "or more than 100000 pixels away"),
        ([[None, *SQUARE[1:]]], "a point that is no number"),
        ([SQUARE, ["left"] * 8], "points that are no numbers"),
        ([SQUARE, 5.0], "no list of x, y"),
        ([SQUARE[:7]], "no list of x, y"),
        ([[SQUARE]], "no list of x, y"),
        ("square", "neither polygons nor run-lengths"),
        ({"counts": [384]}, "neither polygons nor run-lengths"),
        ({"size": [WIDTH, HEIGHT], "counts": [384]}, "of 16 x 24 on an image of 24 x 16"),
        ({"size": None, "counts": [384]}, "of None on an image of 24 x 16"),
        ({"size": [HEIGHT, WIDTH], "counts": [100, 50]}, "fill 150 of 384 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": []}, "run-lengths"),
        ({"size": [HEIGHT, WIDTH], "counts": [-1, 385]}, "no whole numbers"),
        ({"size": [HEIGHT, WIDTH], "counts": [383.5, 0.5]}, "no whole numbers"),
        ({"size": [HEIGHT, WIDTH], "counts": None}, "no whole numbers"),
        ({"size": [HEIGHT, WIDTH], "counts": [[384], []]}, "no whole numbers"),
        ({"size": [HEIGHT, WIDTH], "counts": "é"}, "cut or hold other letters"),
        ({"size": [HEIGHT, WIDTH], "counts": "oooooooooooo0"}, "no size of a photograph"),
    ],
)
def test_what_would_harm_is_refused(segmentation, message):
    with pytest.raises(ValueError, match=message):
        usable_outline(segmentation, WIDTH, HEIGHT)
