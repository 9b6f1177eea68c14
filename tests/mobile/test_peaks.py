"""Peaks that the exported graph finds make the same persons as its maps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from distill.pose.grouping import GroupingConfig, group, group_peaks
from distill.pose.skeleton import COCO_17
from mobile.errors import ExportError
from mobile.export import convert
from mobile.metadata import INPUT
from mobile.peaks import PeakModel, PeakSettings
from mobile.runtime import interpreter

K = len(COCO_17)
STRIDE, ROWS, COLUMNS = 4, 12, 16
TAGS_APART = 64


class Spread(nn.Module):
    """Maps that are the photograph itself, its pixels laid out over the channels of the cells."""

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        cells = image.reshape(1, ROWS, STRIDE, COLUMNS, STRIDE, 3).permute(0, 1, 3, 2, 4, 5)
        cells = cells.reshape(1, ROWS, COLUMNS, STRIDE * STRIDE * 3)
        return {"heatmaps_s4": cells[..., :K] / 255, "tags_s4": cells[..., K : 2 * K] / TAGS_APART}


@pytest.fixture(scope="module", params=["none", "quarter", "parabola"])
def model(request, tmp_path_factory):
    """The graph with peaks as LiteRT runs it, and the grouping that it was made for."""
    shift = request.param
    config = GroupingConfig(max_persons=7, refine=False, adjust=shift != "none", subcell=shift == "parabola")
    path = tmp_path_factory.mktemp("peaks") / "peaks.tflite"
    module = PeakModel(Spread(), PeakSettings(config.max_persons, config.nms_kernel, shift))
    convert(module.eval(), path, (COLUMNS * STRIDE, ROWS * STRIDE))
    return interpreter(path.read_bytes(), 1, path).get_signature_runner(), config


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), whole=st.booleans(), sparse=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_persons_are_those_of_the_maps(model, seed, whole, sparse):
    run, config = model
    generator = np.random.default_rng(seed)
    image = generator.uniform(0, 255, (1, ROWS * STRIDE, COLUMNS * STRIDE, 3))
    image *= generator.random(image.shape) < sparse
    # Whole pixel values are often equal, so that several cells are the highest of their window.
    image = (np.rint(image) if whole else image).astype(np.float32)
    maps = {name: value[0].permute(2, 0, 1).numpy() for name, value in Spread()(torch.from_numpy(image)).items()}
    heatmaps, tags = maps["heatmaps_s4"], maps["tags_s4"][..., None]
    peaks = {name: value[0] for name, value in run(**{INPUT: image}).items()}
    found = group_peaks(peaks, COLUMNS, COCO_17, config)
    settings_of_group = {"max_persons": 7, "refine": False, "adjust": config.adjust, "subcell": config.subcell}
    wanted = group(heatmaps, tags, COCO_17, **settings_of_group)
    for values, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-3 if config.subcell else 1e-6)


@pytest.mark.slow
def test_fewer_peaks_than_asked_for_are_filled_with_nothing(model):
    run, config = model
    image = np.zeros((1, ROWS * STRIDE, COLUMNS * STRIDE, 3), np.float32)
    image[0, 5 * STRIDE, 9 * STRIDE, 0] = 200
    values = run(**{INPUT: image})["peak_values"]
    assert values.shape == (1, K, config.max_persons)
    assert values[0, 0, 0] == pytest.approx(200 / 255)
    assert np.count_nonzero(values) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((0, 5, "none"), "count must be at least 1, not 0"),
        ((5, 4, "none"), "kernel must be an odd number of cells, not 4"),
        ((5, 5, "half"), "shift 'half' is unknown; choose from none, quarter, parabola"),
    ],
)
def test_wrong_settings_are_named(fields, message):
    with pytest.raises(ExportError, match=message):
        PeakSettings(*fields)


def test_maps_of_several_strides_are_refused():
    class Two(nn.Module):
        def forward(self, image):
            return {"heatmaps_s4": image, "heatmaps_s2": image, "tags_s4": image}

    with pytest.raises(ExportError, match=r"one map heatmaps_s\.\.\., not 2"):
        PeakModel(Two(), PeakSettings(5, 5, "none"))(torch.zeros(1, 8, 8, 3))
