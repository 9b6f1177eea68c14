"""Outlines are drawn as pycocotools draws them, and never reach it where they would harm it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as rle

from distill.data.reading.outlines import PackedOutlines, area_and_box, drawn, usable_outline

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
        ([[2e8, *SQUARE[1:]]], "far from the image"),
        ([[None, *SQUARE[1:]]], "a point that is no number"),
        ([SQUARE, ["left"] * 8], "a point that is no number"),
        ([SQUARE, 5.0], "no list of points"),
        ([SQUARE[:7]], "an odd number of coordinates"),
        ([[SQUARE]], "an odd number|no number"),
        ("square", "neither polygons nor run-lengths"),
        ({"counts": [384]}, "neither polygons nor run-lengths"),
        ({"size": [WIDTH, HEIGHT], "counts": [384]}, "of another size than its image"),
        ({"size": None, "counts": [384]}, "of another size than its image"),
        ({"size": [HEIGHT, WIDTH], "counts": [100, 50]}, "do not fill the image"),
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


def test_points_may_stand_in_lists_of_their_own():
    points = [SQUARE[at : at + 2] for at in range(0, 8, 2)]
    for written in (points, [points]):
        assert usable_outline(written, WIDTH, HEIGHT) == [SQUARE]


def test_area_and_box():
    area, box = area_and_box(usable_outline([SQUARE], WIDTH, HEIGHT), WIDTH, HEIGHT)
    assert area == 80 and box == [2, 2, 8, 10]


POLYGONS = st.lists(st.lists(st.floats(-9, 99), min_size=6, max_size=12), min_size=1, max_size=3)
RUNS = st.fixed_dictionaries({"size": st.just([HEIGHT, WIDTH]), "counts": st.just([384]) | st.just("0P;")})


@given(st.lists(st.none() | POLYGONS | RUNS, max_size=6))
def test_packed_outlines_are_the_same(outlines):
    packed = PackedOutlines(outlines)
    again = PackedOutlines.from_arrays(packed.arrays())
    assert list(packed) == list(again) == outlines
    assert [packed[number - len(outlines)] for number in range(len(outlines))] == outlines
