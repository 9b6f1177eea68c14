"""Precisions that cost too much AP are not written, and int8 takes the better ranges."""

import numpy as np
import pytest
import torch

from distill.deployment.precisions import write_variants
from mobile.export import Exporter
from mobile.outputs import OutputInfo
from mobile.quantise import Quantisation
from mobile.runtime import LiteRTModel

pytestmark = pytest.mark.slow
SIDE = 64


@pytest.fixture(scope="module")
def photographs():
    return np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def exporter(photographs, new_network):
    torch.manual_seed(0)
    return Exporter(
        new_network("attention_xs"),
        outputs={
            "heatmaps_s4": OutputInfo("heatmaps", "", 4),
            "tags_s4": OutputInfo("tags", "", 4),
            "attention": OutputInfo("attention", "", 4, torch.sigmoid),
        },
        input_size=(SIDE, SIDE),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        photographs=photographs,
        letterbox={},
        skeleton={"name": "coco_17"},
        grouping={},
        source={},
    )


def points(**of_precision: float):
    """A measure of AP, 0..1, that goes by the precision and the ranges that a model's JSON names."""

    def measure(path):
        said = LiteRTModel(path).metadata["precision"]
        return of_precision.get(said["precision"], of_precision.get(said["ranges"], 0.0)) / 100

    return measure


def test_default_limits_are_half_a_point_and_two(exporter, photographs, tmp_path):
    half, eight = tmp_path / "half.tflite", tmp_path / "eight.tflite"
    wanted = [(half, Quantisation("float16")), (eight, Quantisation("int8"))]
    measure = points(float32=50.0, float16=49.4, int8=48.2)
    refused, written = write_variants(exporter, wanted, photographs, measure, runs=1)
    assert refused.report is None
    assert "half.tflite is not written: float16 loses 0.60 points of AP, limit 0.5" in refused.refusal
    assert sorted(p.name for p in tmp_path.iterdir()) == ["eight.json", "eight.tflite"]
    assert written.drop == pytest.approx(1.8) and written.refusal == ""
    assert len(written.milliseconds) == 2 and min(written.milliseconds) > 0
    assert LiteRTModel(eight).metadata["check"]["ap"] == pytest.approx(0.482)


def test_older_model_stays_when_the_new_one_loses_too_much(exporter, photographs, tmp_path):
    path = tmp_path / "eight.tflite"
    path.write_bytes(b"older")
    measure = points(float32=50.0, int8=49.0)
    (refused,) = write_variants(exporter, [(path, Quantisation("int8"))], photographs, measure, 0.5, runs=1)
    assert "limit 0.5" in refused.refusal and path.read_bytes() == b"older"


@pytest.mark.parametrize("better", ["min_max", "moving_average"])
def test_ranges_are_those_of_the_higher_ap_on_the_photographs_of_choice(exporter, photographs, tmp_path, better):
    path = tmp_path / "eight.tflite"
    chosen_by = points(**{"min_max": 40.0, "moving_average": 40.0, better: 41.0})
    # The AP that is told speaks for the other ranges, and is not listened to.
    measure = points(**{"float32": 50.0, "min_max": 49.5, "moving_average": 49.5, better: 48.5})
    wanted = [(path, Quantisation("int8", io="int8"))]
    (written,) = write_variants(exporter, wanted, photographs, measure, choice=chosen_by, runs=1)
    assert written.quantisation == Quantisation("int8", better, "int8")
    assert LiteRTModel(path).metadata["precision"]["ranges"] == better
    assert written.ap == pytest.approx(0.485)
