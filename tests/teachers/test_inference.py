import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from teachers.higher_hrnet import by_short_name
from teachers.inference import InferenceConfig, NetworkTeacher
from teachers.official import load_official
from teachers.oracle import Oracle

FLIP_INDEX = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])


class Brightness(nn.Module):
    """K = 2 maps at stride 4 alone: the mean red and green of each cell."""

    def forward(self, images):
        cells = nn.functional.avg_pool2d(images[:, :2], 4)
        return {"heatmaps_s4": cells, "tags_s4": -cells}


@pytest.fixture(scope="module")
def published(shared):
    """W32 with the reproducible weights."""
    spec = importlib.util.spec_from_file_location("seeded_weights", shared / "golden" / "seeded_weights.py")
    seeded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(seeded)
    network = by_short_name("higher_hrnet_w32", 17)
    load_official(network, seeded.fill(network.state_dict()))
    return network


@pytest.fixture
def photographs():
    """Two photographs of odd size."""
    return np.random.default_rng(0).integers(0, 256, (2, 75, 131, 3), dtype=np.uint8)


def assert_golden(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(("prefix", "scales"), [("single", (1.0,)), ("multi", (0.5, 1.0, 2.0))])
@pytest.mark.parametrize(("suffix", "project"), [("map", False), ("image", True)])
def test_the_official_test_is_reproduced(shared, published, prefix, scales, suffix, project, surroundings):
    with np.load(shared / "golden" / "inference_w32.npz") as golden:
        photo = golden["photo"]
        expected = {name: golden[f"{prefix}_{suffix}_{name}"] for name in ("heatmaps", "tags")}
    config = InferenceConfig(input_size=128, scales=scales, project=project)
    maps = NetworkTeacher(published, config, surroundings(FLIP_INDEX))(photo[None])
    step = 2 if project else 1  # of projected maps every second row and column was kept
    assert_golden(maps.heatmaps[0, :, ::step, ::step].numpy(), expected["heatmaps"])
    assert_golden(maps.tags[0, :, ::step, ::step].numpy(), expected["tags"])
    assert maps.to_map.dtype == np.float64


def test_the_order_of_scales_does_not_matter(photographs, surroundings):
    maps = [
        NetworkTeacher(Brightness(), InferenceConfig(input_size=64, scales=scales), surroundings([0, 1]))(photographs)
        for scales in ((0.5, 1.0, 2.0), (1.0, 2.0, 0.5))
    ]
    torch.testing.assert_close(maps[0].heatmaps, maps[1].heatmaps)
    torch.testing.assert_close(maps[0].tags, maps[1].tags)
    np.testing.assert_allclose(maps[0].to_map, maps[1].to_map)


@pytest.mark.parametrize("flip", [True, False])
def test_photographs_of_a_batch_do_not_touch_each_other(photographs, flip, surroundings):
    teacher = NetworkTeacher(Brightness(), InferenceConfig(input_size=64, flip=flip), surroundings([0, 1]))
    together, alone = teacher(photographs), teacher(photographs[1:])
    torch.testing.assert_close(together.heatmaps[1:], alone.heatmaps)
    torch.testing.assert_close(together.tags[1:], alone.tags)
    assert together.tags.shape == (*together.heatmaps.shape, 2 if flip else 1)
    np.testing.assert_array_equal(together.to_map, alone.to_map)


def test_the_flip_swaps_channels_back(photographs, surroundings):
    """A network that sees red and green: mirrored, red stands where green was."""
    plain, flipped = (
        NetworkTeacher(Brightness(), InferenceConfig(input_size=64, flip=flip), surroundings([1, 0]))(photographs)
        for flip in (False, True)
    )
    expected = (plain.heatmaps + plain.heatmaps[:, [1, 0]]) / 2
    torch.testing.assert_close(flipped.heatmaps, expected)
    torch.testing.assert_close(flipped.tags[..., 0], plain.tags[..., 0])
    torch.testing.assert_close(flipped.tags[..., 1], plain.tags[:, [1, 0], ..., 0])


def test_a_bright_pixel_is_found_where_to_map_says(surroundings):
    photograph = np.zeros((1, 96, 96, 3), np.uint8)
    photograph[0, 40:44, 60:64] = 255
    config = InferenceConfig(input_size=384, flip=False, target_offset=0.0)
    maps = NetworkTeacher(Brightness(), config, surroundings([0, 1]))(photograph)
    weights = maps.heatmaps[0, 0].double()
    weights = (weights - weights.min()).numpy()
    rows, columns = np.indices(weights.shape) + 0.5
    centre = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
    np.testing.assert_allclose(centre, maps.to_map[:, :2] @ (62.0, 42.0) + maps.to_map[:, 2], atol=0.5)


def test_the_target_offset_moves_the_map_by_input_pixels(photographs, surroundings):
    at = {
        offset: NetworkTeacher(
            Brightness(), InferenceConfig(input_size=64, flip=False, target_offset=offset), surroundings([0, 1])
        )(photographs).to_map
        for offset in (0.0, 0.5)
    }
    np.testing.assert_allclose(at[0.0] - at[0.5], [[0, 0, 0.5 / 4], [0, 0, 0.5 / 4]], atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_lower_precisions_give_float32_maps_close_by(dtype, surroundings):
    torch.manual_seed(0)
    network = by_short_name("higher_hrnet_demo", 17)
    photographs = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    config = InferenceConfig(input_size=64)
    exact, rough = (
        NetworkTeacher(network, config, surroundings(FLIP_INDEX, d))(photographs) for d in (torch.float32, dtype)
    )
    assert rough.heatmaps.dtype == rough.tags.dtype == torch.float32
    assert not torch.equal(exact.heatmaps, rough.heatmaps)
    torch.testing.assert_close(rough.heatmaps, exact.heatmaps, rtol=0.1, atol=0.02)


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"input_size": 0}, "input_size"), ({"scales": ()}, "scales"), ({"scales": (1.0, -0.5)}, "scales")],
)
def test_wrong_settings_name_their_field(fields, name):
    with pytest.raises(ValueError, match=name):
        InferenceConfig(**fields)


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 8), np.uint8)]
)
def test_other_arrays_than_photographs_are_refused(wrong, surroundings):
    with pytest.raises(ValueError, match=r"photographs must be \(B, H, W, 3\) uint8"):
        NetworkTeacher(Brightness(), InferenceConfig(), surroundings([0, 1]))(wrong)


def test_an_oracle_without_persons_is_refused(photographs, surroundings):
    with pytest.raises(ValueError, match="Oracle needs the persons"):
        NetworkTeacher(Oracle(17), InferenceConfig(input_size=64), surroundings(FLIP_INDEX))(photographs)


class Unstrided(Brightness):
    """Calls its heatmaps by no stride."""

    def forward(self, images):
        return {name.partition("_s")[0]: maps for name, maps in super().forward(images).items()}


def test_outputs_without_a_stride_are_mirrored_like_any(photographs, surroundings):
    config = InferenceConfig(input_size=64, flip=True)
    named, bare = (NetworkTeacher(net(), config, surroundings([1, 0]))(photographs) for net in (Brightness, Unstrided))
    torch.testing.assert_close(bare.heatmaps, named.heatmaps)
    torch.testing.assert_close(bare.tags, named.tags)
    assert len(bare.views) == len(named.views) > 0


def test_a_list_of_like_canvases_is_seen_as_one_by_one(surroundings):
    """640 x 480 and 320 x 240 both become 171 x 128 and 192 x 128 with what is black beside them."""
    rng = np.random.default_rng(0)
    photographs = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((480, 640), (240, 320))]
    teacher = NetworkTeacher(Brightness(), InferenceConfig(input_size=128), surroundings([0, 1]))
    assert {teacher.canvas(p.shape[1::-1]) for p in photographs} == {(192, 128)}
    together = teacher(photographs)
    for number, photograph in enumerate(photographs):
        alone = teacher(photograph[None])
        assert torch.equal(together.heatmaps[number], alone.heatmaps[0])
        assert torch.equal(together.tags[number], alone.tags[0])
        np.testing.assert_array_equal(together.matrix(number), alone.to_map)
        np.testing.assert_array_equal(together.views[0].matrix(number), alone.views[0].to_map)


@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 2.0)])
def test_on_a_larger_canvas_a_photograph_is_found_where_to_map_says(scales, surroundings):
    photographs = [np.zeros((h, w, 3), np.uint8) for h, w in ((128, 128), (128, 256), (192, 128))]
    places = [(40, 90), (200, 30), (100, 150)]
    for photograph, (x, y) in zip(photographs, places, strict=True):
        photograph[y - 4 : y + 4, x - 4 : x + 4] = 255
    teacher = NetworkTeacher(Brightness(), InferenceConfig(input_size=128, scales=scales), surroundings([0, 1]))
    maps = teacher(photographs)
    for number, place in enumerate(places):
        width = maps.heatmaps.shape[3]
        brightest = maps.heatmaps[number, 0].flatten().topk(4).indices
        cell = np.array([(brightest % width).float().mean() + 0.5, (brightest // width).float().mean() + 0.5])
        matrix = maps.matrix(number)
        np.testing.assert_allclose(matrix[:, :2] @ place + matrix[:, 2], cell, atol=0.75)
