import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.predictor import Predictor, network_forward, predict_all, to_photograph
from distill.heads.heatmaps import Heatmaps
from distill.heads.tags import Tags
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError

K = len(COCO_17)
SIDE, STRIDE = 64, 4
UNADJUSTED = GroupingConfig(adjust=False, subcell=False)
SIZES = [(64, 64), (33, 17), (101, 640), (427, 640), (5, 7)]


def rendered(points: np.ndarray, stride: int = STRIDE, cells: tuple[int, int] | None = None) -> dict[str, torch.Tensor]:
    """Maps of persons at points (P, K, 2) in input pixels, tag 3 p for person p; (columns, rows) of cells."""
    columns, rows = cells or (SIDE // stride, SIDE // stride)
    to_x = ((torch.arange(columns) + 0.5) * stride - torch.from_numpy(points)[..., :1].float()) ** 2
    to_y = ((torch.arange(rows) + 0.5) * stride - torch.from_numpy(points)[..., 1:].float()) ** 2
    distance = to_y[..., :, None] + to_x[..., None, :]
    heatmaps = torch.exp(-distance / (2 * stride**2)).amax(0)
    return {f"heatmaps_s{stride}": heatmaps[None], f"tags_s{stride}": 3.0 * distance.argmin(0)[None]}


def spots(images: np.ndarray) -> dict[str, torch.Tensor]:
    """A network that takes every bright spot for all the joints of a person."""
    bright = torch.from_numpy(np.ascontiguousarray(images)).float().mean(-1)[:, None] / 255
    heatmaps = functional.avg_pool2d(bright, STRIDE)
    heatmaps = heatmaps / heatmaps.amax((2, 3), keepdim=True).clamp_min(0.3)
    return {"heatmaps_s4": heatmaps.expand(-1, K, -1, -1) ** 2, "tags_s4": torch.zeros(len(images), K, 16, 16)}


def predictor(forward, grouping=UNADJUSTED, **kwargs) -> Predictor:
    return Predictor(forward, (SIDE, SIDE), COCO_17, grouping, **kwargs)


@pytest.mark.parametrize("size", SIZES)
def test_persons_come_back_in_photograph_coordinates(size):
    width, height = size
    scale = min(SIDE / width, SIDE / height)
    margin = (SIDE - scale * width) / 2, (SIDE - scale * height) / 2
    columns = np.random.default_rng(0).integers(0, 7, (2, K)) + [[0], [9]]
    rows = np.random.default_rng(1).integers(0, 16, (2, K))
    points = (np.stack([columns, rows], axis=-1) + 0.5) * STRIDE
    photograph = np.zeros((height, width, 3), np.uint8)
    [(persons, scores)] = predictor(lambda images: rendered(points))([photograph])
    persons = persons[np.argsort(persons[:, 0, 0])]
    np.testing.assert_allclose(persons[..., :2], (points - margin) / scale, atol=1e-3 * max(1, 1 / scale))
    np.testing.assert_allclose(scores, 1)
    assert persons.dtype == np.float32


@given(st.integers(20, 200), st.integers(20, 200), st.floats(0.2, 0.8), st.floats(0.2, 0.8), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_bright_spot_is_found_where_it_is(width, height, x, y, flip):
    x, y = x * width, y * height
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    cell = max(width, height) / (SIDE / STRIDE)
    spot = np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * cell**2))
    photograph = np.repeat((255 * spot).astype(np.uint8)[..., None], 3, axis=2)
    grouping = GroupingConfig(max_persons=1, detection_threshold=0.5)
    [(persons, _)] = predictor(without_padding(spots, width, height), grouping, flip=flip)([photograph])
    assert np.abs(persons[0, :, :2] - (x, y)).max() < 0.6 * cell


def without_padding(forward, width: int, height: int):
    """The same network for letterboxed photographs whose padding was painted black."""
    matrix = geometry.letterbox((width, height), (SIDE, SIDE))
    inside = geometry.warp(np.ones((height, width), np.uint8), matrix, (SIDE, SIDE))[None, :, :, None]
    return lambda images: forward(images * inside)


@pytest.mark.parametrize("size", [(320, 256), (192, 256), (96, 32)])
@pytest.mark.parametrize("photograph", SIZES)
def test_persons_come_back_through_a_rectangular_input(size, photograph):
    width, height = photograph
    scale = min(size[0] / width, size[1] / height)
    margin = (size[0] - scale * width) / 2, (size[1] - scale * height) / 2
    columns, rows = np.random.default_rng(0).integers(0, (size[0] // STRIDE, size[1] // STRIDE), (1, K, 2)).T
    points = (np.stack([columns.T, rows.T], axis=-1) + 0.5) * STRIDE
    seen = []

    def forward(images):
        seen.append(images.shape)
        return rendered(points, cells=(size[0] // STRIDE, size[1] // STRIDE))

    predictor = Predictor(forward, size, COCO_17, UNADJUSTED)
    [(persons, _)] = predictor([np.zeros((height, width, 3), np.uint8)])
    assert seen == [(1, size[1], size[0], 3)]
    np.testing.assert_allclose(persons[..., :2], (points - margin) / scale, atol=1e-3 * max(1, 1 / scale))


@pytest.mark.parametrize("flip", [False, True])
def test_without_tags_it_is_one_person(flip):
    def heatmaps_alone(images):
        return {"heatmaps_s4": spots(images)["heatmaps_s4"]}

    photograph = np.zeros((SIDE, SIDE, 3), np.uint8)
    photograph[8:12, 40:44] = 250
    photograph[48:52, 4:8] = 200
    one = predictor(heatmaps_alone, flip=flip)
    [(persons, scores)] = one([photograph])
    np.testing.assert_allclose(persons[..., :2], np.broadcast_to((42, 10), (1, K, 2)), atol=1e-4)
    np.testing.assert_allclose(scores, persons[..., 2].mean(axis=1))
    assert one.locate(photograph[None])[1] == 16
    [(persons, scores)] = one([np.zeros((9, 8, 3), np.uint8)])
    assert len(persons) == len(scores) <= 1


def test_photograph_reaches_the_network_letterboxed():
    seen = []

    def forward(images):
        seen.append(images)
        return spots(images)

    predictor(forward)([np.full((10, 20, 3), 200, np.uint8), np.full((30, 10, 3), 50, np.uint8)])
    [images] = seen
    assert images.shape == (2, SIDE, SIDE, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[0, [0, -1], 32], [geometry.PADDING] * 2)
    np.testing.assert_array_equal(images[1, 32, [0, -1]], [geometry.PADDING] * 2)
    assert (images[0, 20:44, 4:-4] == 200).all() and (images[1, 4:-4, 26:38] == 50).all()


def maps_read(forward, images, flip=False) -> dict[str, torch.Tensor]:
    """What the decoder of heatmaps and tags reads of a predictor's images, by name."""
    read = []

    class Reading(Tags):
        def persons(self, maps, skeleton, grouping):
            read.append(maps)
            return super().persons(maps, skeleton, grouping)

    predictor(forward, flip=flip, heads={"heatmaps": Heatmaps(), "tags": Reading()}).locate(images)
    return {name: torch.from_numpy(np.stack([maps[name] for maps in read])) for name in read[0]}


def test_resolutions_are_averaged_at_the_finest():
    points = np.full((1, K, 2), 30.0)
    outputs = rendered(points, 4) | {"heatmaps_s2": rendered(points, 2)["heatmaps_s2"]}
    read = maps_read(lambda images: outputs, np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert read["heatmaps"].shape == (1, K, 32, 32) and read["tags"].shape == (1, K, 32, 32, 1)
    coarse = functional.interpolate(outputs["heatmaps_s4"], size=(32, 32), mode="bilinear", align_corners=False)
    torch.testing.assert_close(read["heatmaps"], (coarse + outputs["heatmaps_s2"]) / 2)


def test_flip_averages_heatmaps_and_adds_a_tag():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2 * K, 3, 4, 4, generator=generator)

    def forward(images):
        maps = functional.conv2d(torch.from_numpy(images.copy()).permute(0, 3, 1, 2) / 255, weight, stride=4)
        return {"heatmaps_s4": maps[:, :K], "tags_s4": maps[:, K:]}

    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    read = maps_read(forward, images, flip=True)
    plain, mirrored = forward(images), forward(np.flip(images, axis=2))
    left, right = COCO_17.joints.index("left_knee"), COCO_17.joints.index("right_knee")
    mean = (plain["heatmaps_s4"][:, left] + mirrored["heatmaps_s4"][:, right].flip(-1)) / 2
    torch.testing.assert_close(read["heatmaps"][:, left], mean)
    torch.testing.assert_close(read["tags"][:, left, ..., 0], plain["tags_s4"][:, left])
    torch.testing.assert_close(read["tags"][:, left, ..., 1], mirrored["tags_s4"][:, right].flip(-1))


def test_heatmaps_alone_show_one_person():
    points = np.full((1, K, 2), 30.0) + np.arange(K)[:, None]
    outputs = {"heatmaps_s4": rendered(points)["heatmaps_s4"], "attention": torch.zeros(1, 1, 16, 16)}
    [(persons, scores)] = predictor(lambda images: outputs)([np.zeros((SIDE, SIDE, 3), np.uint8)])
    assert persons.shape == (1, K, 3) and scores.shape == (1,)
    assert np.abs(persons[0, :, :2] - points[0]).max() <= STRIDE / 2


def test_outputs_that_show_nobody_are_named():
    outputs = {"attention": torch.zeros(1, 1, 16, 16), "tags_s4": torch.zeros(1, K, 16, 16)}
    with pytest.raises(InputError, match="the outputs attention, tags do not show where people are; heatmaps do"):
        predictor(lambda images: outputs)([np.zeros((SIDE, SIDE, 3), np.uint8)])


def test_no_photographs_and_nobody_in_them():
    def forward(images):
        return {"heatmaps_s4": torch.zeros(len(images), K, 16, 16), "tags_s4": torch.zeros(len(images), K, 16, 16)}

    assert predictor(forward)([]) == []
    [(persons, scores)] = predictor(forward)([np.zeros((9, 8, 3), np.uint8)])
    assert persons.shape == (0, K, 3) and scores.shape == (0,)


def test_missing_joints_stay_zero_on_the_way_back():
    persons = np.array([[[0, 0, 0], [2, 3, 0.5]]], np.float32)
    moved = to_photograph(persons, geometry.compose(geometry.scaling(0.5), geometry.translation(1, 1)))
    np.testing.assert_allclose(moved, [[[0, 0, 0], [2, 4, 0.5]]])


def test_network_forward_normalises():
    class Echo(torch.nn.Module):
        def forward(self, images):
            return {"heatmaps_s1": images, "tags_s1": images}

    forward = network_forward(Echo(), torch.device("cpu"))
    maps = forward(np.full((2, 3, 5, 3), geometry.PADDING, np.uint8))["heatmaps_s1"]
    assert maps.shape == (2, 3, 3, 5) and maps.abs().max() < 0.01 and not maps.requires_grad


def test_predict_all_reads_in_batches_and_answers_by_image_id(tiny_synthetic):
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    batches, done = [], []

    def forward(images):
        batches.append(len(images))
        return spots(images)

    predictions = predict_all(predictor(forward), data, batch_size=5, progress=lambda *counts: done.append(counts))
    assert list(predictions) == data.image_ids.tolist()
    assert batches == [5, 5, 2] and done == [(5, 12), (10, 12), (12, 12)]
    part = predict_all(predictor(forward), data, data.image_ids[3:4])
    np.testing.assert_array_equal(part[int(data.image_ids[3])][0], predictions[int(data.image_ids[3])][0])
