"""Peaks that the exported graph finds make the same persons as its maps."""

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from distill.pose.grouping import GroupingConfig, group, group_peaks
from distill.pose.peaks import find_peaks
from distill.pose.skeleton import COCO_17, Skeleton
from mobile.convert import convert
from mobile.errors import ExportError
from mobile.metadata import INPUT
from mobile.outputs import OutputInfo
from mobile.peaks import PeakModel, PeakSettings, comparable
from mobile.quantise import Quantisation, quantise
from mobile.runtime import interpreter

K = len(COCO_17)
STRIDE, ROWS, COLUMNS = 4, 12, 16
TAGS_APART = 64
OUTPUTS = {"heatmaps_s4": OutputInfo("heatmaps", "", STRIDE), "tags_s4": OutputInfo("tags", "", STRIDE)}


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
    module = PeakModel(Spread(), PeakSettings(config.max_persons, config.nms_kernel, shift), OUTPUTS)
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
    wanted = group(heatmaps, tags, COCO_17, config)
    for values, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-3 if config.subcell else 1e-6)


@pytest.mark.slow
def test_peaks_stay_in_float_when_the_network_is_int8(tmp_path):
    class Convolved(Spread):
        """The same maps through a convolution, which int8 takes."""

        def __init__(self):
            super().__init__()
            self.same = nn.Conv2d(3, 3, 1)

        def forward(self, image):
            return super().forward(self.same(image.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))

    path = tmp_path / "peaks.tflite"
    size = (COLUMNS * STRIDE, ROWS * STRIDE)
    convert(PeakModel(Convolved(), PeakSettings(7, 5, "parabola"), OUTPUTS).eval(), path, size)
    photographs = np.random.default_rng(0).integers(0, 256, (2, *size[::-1], 3), dtype=np.uint8)
    plain = Interpreter(
        model_content=quantise(path.read_bytes(), Quantisation("int8"), photographs),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    types = {detail["index"]: detail["dtype"] for detail in plain.get_tensor_details()}
    operators = [
        (o["op_name"], [types[i] for i in (*o["inputs"], *o["outputs"]) if i in types])
        for o in plain._get_ops_details()
    ]
    assert any(np.int8 in seen for name, seen in operators if name == "CONV_2D")
    names = [name for name, _ in operators]
    assert names.count("MAX_POOL_2D") == 3 and names.count("TOPK_V2") == 1
    for name, seen in operators[names.index("MAX_POOL_2D") :]:
        assert name == "DEQUANTIZE" or np.int8 not in seen, name


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


def first_of_equals(heatmaps: np.ndarray, kernel: int) -> np.ndarray:
    """Cells (K, H, W), as bools, by the rule itself: nothing in the window is higher, nothing before is as high."""
    joints, height, width = heatmaps.shape
    is_peak = np.zeros(heatmaps.shape, bool)
    reach = kernel // 2
    for k, row, column in np.ndindex(joints, height, width):
        value = heatmaps[k, row, column]
        others = [
            (heatmaps[k, y, x], (y, x) < (row, column))
            for y in range(max(0, row - reach), min(height, row + reach + 1))
            for x in range(max(0, column - reach), min(width, column + reach + 1))
        ]
        is_peak[k, row, column] = all(other < value if before else other <= value for other, before in others)
    return is_peak & (heatmaps > 0)


class Given(nn.Module):
    """Gives the same maps whatever the image."""

    def __init__(self, **maps: np.ndarray):
        super().__init__()
        self.maps = {name: torch.from_numpy(np.moveaxis(value, 0, 2).copy())[None] for name, value in maps.items()}

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.maps


def cells_of(values: np.ndarray, cells: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Peaks (K, M) as bools (K, H, W)."""
    is_peak = np.zeros((shape[0], shape[1] * shape[2]), bool)
    joint, number = np.nonzero(values > 0)
    is_peak[joint, cells[joint, number]] = True
    return is_peak.reshape(shape)


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.sampled_from([1, 3, 5, 7])
)
@settings(max_examples=60, deadline=None)
def test_of_equal_cells_the_first_is_the_peak_everywhere(seed, height, width, levels, kernel):
    heatmaps = np.random.default_rng(seed).integers(0, levels + 1, (2, height, width)).astype(np.float32)
    wanted = first_of_equals(heatmaps, kernel)

    everything = PeakSettings(height * width, kernel, "none")
    graph = PeakModel(Given(heatmaps=heatmaps), everything, {"heatmaps": OutputInfo("heatmaps", "", 1)})
    found = {name: value[0].numpy() for name, value in graph(torch.zeros(1)).items()}
    np.testing.assert_array_equal(cells_of(found["peak_values"], found["peak_cells"], heatmaps.shape), wanted)

    if kernel == 3:
        joint, x, y = find_peaks(heatmaps / levels, 0.01)[:, :3].T
        # The vertex may lie as far off as the border of its cell.
        np.testing.assert_allclose(np.stack([joint, y, x], 1), np.argwhere(wanted) + (0, 0.5, 0.5), atol=0.51)

    # With tags far from one another every peak is a person.
    pair = Skeleton("pair", ("a", "b"), (), (0.1, 0.1), (), ("a", "b"))
    tags = 10.0 * np.arange(heatmaps.size).reshape(heatmaps.shape)[..., None]
    config = GroupingConfig(heatmaps.size, 0.0, nms_kernel=kernel, refine=False, adjust=False, subcell=False)
    persons, _ = group(heatmaps, tags, pair, config)
    person, joint = np.nonzero(persons[..., 2])
    column, row = persons[person, joint, :2].astype(int).T
    grouped = np.zeros(heatmaps.shape, bool)
    grouped[joint, row, column] = True
    np.testing.assert_array_equal(grouped, wanted)


@pytest.mark.parametrize(("sigma", "largest"), [(1.0, 1.0), (1.0, 1.4), (1.5, 1.0), (1.5, 1.4)])
def test_one_person_in_eight_bits_stays_one(sigma, largest):
    """Without the rule there were 57, 60, 94 and 124 persons too many in these scenes."""
    generator = np.random.default_rng(0)
    config = GroupingConfig(refine=False)
    cells = np.arange(24) + 0.5
    for _ in range(300):
        x, y = generator.uniform(4, 20, (2, K, 1))
        gaussians = [np.exp(-((cells - at) ** 2) / (2 * sigma**2)) for at in (x, y)]
        exact = gaussians[1][:, :, None] * gaussians[0][:, None]
        heatmaps = (np.rint(exact * 255 / largest) * largest / 255).astype(np.float32)
        tags = np.zeros((*heatmaps.shape, 1), np.float32)
        assert len(group(heatmaps, tags, COCO_17, config)[0]) == 1
        model = PeakModel(Given(heatmaps_s4=heatmaps, tags_s4=tags[..., 0]), PeakSettings(30, 5, "parabola"), OUTPUTS)
        peaks = {name: value[0].numpy() for name, value in model(torch.zeros(1)).items()}
        assert len(group_peaks(peaks, heatmaps.shape[2], COCO_17, config)[0]) == 1
        assert len(find_peaks(heatmaps, 0.1)) == K


def test_without_tags_the_peaks_have_none():
    heatmaps = np.random.default_rng(0).random((3, 6, 8), np.float32)
    model = PeakModel(Given(heatmaps=heatmaps), PeakSettings(4, 3, "quarter"), {"heatmaps": OutputInfo("heatmaps", "")})
    assert model(torch.zeros(1)).keys() == {"peak_values", "peak_cells", "peak_shifts"}


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (("heatmaps", "heatmaps", "tags"), "one output of kind heatmaps, not 0, 1"),
        (("heatmaps", "tags", "tags"), "one output of kind tags, not 1, 2"),
        (("tags",), "peaks need a network with heatmaps"),
    ],
)
def test_maps_of_several_strides_or_none_are_refused(kinds, message):
    outputs = {str(number): OutputInfo(kind, "") for number, kind in enumerate(kinds)}
    with pytest.raises(ExportError, match=message):
        PeakModel(nn.Identity(), PeakSettings(5, 5, "none"), outputs)


def test_shifts_of_faint_peaks_and_of_other_cells_weigh_little_or_nothing():
    wanted = {
        "peak_values": np.array([[0.5, 0.25, 0.001]]),
        "peak_cells": np.array([[3, 9, 17]]),
        "peak_shifts": np.zeros((1, 3, 2)),
        "peak_tags": np.ones((1, 3)),
    }
    found = wanted | {"peak_cells": np.array([[3, 8, 17]]), "peak_shifts": np.full((1, 3, 2), 0.5)}
    first, second = comparable(found, wanted)
    np.testing.assert_allclose((first["peak_shifts"] - second["peak_shifts"])[0, :, 0], [0.25, 0, 0.0005])
    np.testing.assert_array_equal(first["peak_tags"], [[1, 0, 1]])
