"""Exported models, of rectangular inputs too, find the persons that torch finds."""

from functools import cache

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from distill.evaluation.exported import PeakPredictor, exported_predictor
from distill.evaluation.predictor import Predictor, letterboxed, network_forward
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError
from mobile.export import Exporter
from mobile.outputs import OutputInfo
from mobile.peaks import PeakSettings
from mobile.quantise import Quantisation
from mobile.runtime import LiteRTModel

K = len(COCO_17)
SIZES = [(320, 256), (192, 256)]
GROUPING = GroupingConfig(refine=False)
PEAKS = PeakSettings(GROUPING.max_persons, GROUPING.nms_kernel, "parabola")
OUTPUTS = {"heatmaps_s4": OutputInfo("heatmaps", "", 4), "tags_s4": OutputInfo("tags", "", 4)}


class Spots(nn.Module):
    """Takes every bright spot for all the joints of a person; its tag is how far down it stands."""

    def __init__(self, tags: bool):
        super().__init__()
        self.smooth = nn.Conv2d(3, K, 8, stride=4, padding=2)
        self.tags = nn.Conv2d(3, K, 4, stride=4) if tags else None
        with torch.no_grad():
            self.smooth.weight.fill_(1 / (4 * 3 * 64))
            self.smooth.bias.fill_(-0.05)
            if tags:
                self.tags.weight.zero_()
                self.tags.bias.copy_(torch.arange(K) * 0.01)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = {"heatmaps_s4": self.smooth(images).clamp(0, 1)}
        return maps if self.tags is None else maps | {"tags_s4": self.tags(images)}


def photographs() -> list[np.ndarray]:
    """Upright, wide and square, of one bright spot."""
    made = []
    for width, height in ((120, 300), (500, 200), (256, 256)):
        photograph = np.full((height, width, 3), geometry.PADDING, np.uint8)
        cv2.circle(photograph, (width // 3, height // 4), max(width, height) // 30, (255, 255, 255), cv2.FILLED)
        made.append(photograph)
    return made


@pytest.fixture(scope="module", params=SIZES, ids=str)
def size(request) -> tuple[int, int]:
    return request.param


@cache
def exporter(size: tuple[int, int], tags: bool, peaks: PeakSettings | None) -> Exporter:
    return Exporter(
        Spots(tags),
        outputs=OUTPUTS if tags else {"heatmaps_s4": OUTPUTS["heatmaps_s4"]},
        input_size=size,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        photographs=np.stack([letterboxed(photograph, size)[0] for photograph in photographs()]),
        letterbox={"padding_rgb": list(geometry.PADDING), "interpolation": "bilinear"},
        skeleton=COCO_17.plain(),
        grouping={},
        source={},
        peaks=peaks,
    )


@pytest.mark.parametrize("tags", [True, False], ids=["tags", "alone"])
@pytest.mark.parametrize("peaks", [PEAKS, None], ids=["peaks", "maps"])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_exported_persons_are_those_of_torch(size, tags, peaks, precision, tmp_path):
    exported = exporter(size, tags, peaks)
    exported.write(tmp_path / "spots.tflite", Quantisation(precision), exported.photographs)
    model = LiteRTModel(tmp_path / "spots.tflite")
    assert model.input_size == size
    described = {output["kind"]: output for output in model.metadata["outputs"]}
    width, height = size
    assert model.metadata["input"]["shape"] == [1, height, width, 3]
    if peaks is None:
        assert described["heatmaps"]["shape"] == [1, height // 4, width // 4, K]
        assert described["heatmaps"]["stride"] == 4 and ("tags" in described) == tags
    else:
        assert model.metadata["peaks"]["columns"] == width // 4 and model.metadata["peaks"]["rows"] == height // 4
        assert model.metadata["peaks"]["stride"] == 4 and ("peak_tags" in described) == tags
    predictor = exported_predictor(model, GROUPING)
    assert isinstance(predictor, PeakPredictor) == (peaks is not None)
    reference = Predictor(network_forward(Spots(tags).eval(), torch.device("cpu")), size, COCO_17, GROUPING)
    for photograph, (wanted, _), (found, _) in zip(
        photographs(), reference(photographs()), predictor(photographs()), strict=True
    ):
        assert found.shape == wanted.shape == (1, K, 3)
        scale = min(width / photograph.shape[1], height / photograph.shape[0])
        # In eight bits another of the cells that the spot covers may be the highest.
        tolerance = 0.01 if precision == "float32" else 4.5 / scale
        np.testing.assert_allclose(found[..., :2], wanted[..., :2], atol=tolerance)
        centre = photograph.shape[1] // 3, photograph.shape[0] // 4
        assert np.abs(wanted[..., :2] - centre).max() < 4 / scale


def test_peaks_cannot_be_averaged_with_the_mirrored_ones(tmp_path):
    exporter(SIZES[0], True, PEAKS).write(tmp_path / "spots.tflite")
    with pytest.raises(InputError, match=r"spots.tflite gives peaks, which cannot be averaged; leave flip out"):
        exported_predictor(LiteRTModel(tmp_path / "spots.tflite"), GROUPING, flip=True)
