from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.pose.grouping import GroupingConfig, group, group_peaks
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError
from mobile.outputs import OutputInfo
from mobile.peaks import PeakModel, PeakSettings

K = len(COCO_17)
STAGES = {
    "raw": GroupingConfig(subcell=False, adjust=False, refine=False),
    "refine0": GroupingConfig(subcell=False, refine=False),
    "refine1": GroupingConfig(subcell=False),
}
RAW, UNREFINED, PUBLISHED = STAGES.values()
CENTRES = GroupingConfig(subcell=False, adjust=False)
GOLDEN_COORDINATES_ARE_CELLS = "raw"


@pytest.fixture(scope="module")
def golden(shared) -> dict[str, np.ndarray]:
    return dict(np.load(shared / "golden" / "grouping.npz"))


def as_set(persons: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Rows (P, 3 K + 1) in an order that depends on the rows alone, to a thousandth."""
    rows = np.hstack([persons.reshape(len(persons), -1), scores[:, None]])
    return rows[np.lexsort(np.round(rows, 2).T[::-1])]


def scene(points: np.ndarray, person_tags: list[float], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps (K, H, W) and tags (K, H, W, 1) of joints (P, K, 2) at cell centres; size is (W, H)."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    distance = (x - points[..., :1, None]) ** 2 + (y - points[..., 1:, None]) ** 2
    heights = np.linspace(0.95, 0.8, len(points))[:, None, None, None]
    heatmaps = heights * np.exp(-distance / 2)
    nearest = distance.argmin(axis=0)
    tags = np.asarray(person_tags)[nearest][..., None]
    return heatmaps.max(axis=0).astype(np.float32), tags.astype(np.float32)


@st.composite
def people(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints (P, K, 2) of persons in places of their own, with heatmaps and tags of a 40 x 32 map."""
    count = draw(st.integers(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = generator.integers(1, 12, (count, K)) + 13 * np.arange(count)[:, None]
    points = np.stack([columns, generator.integers(1, 31, (count, K))], axis=-1) + 0.5
    return points, *scene(points, [3.0 * p for p in range(count)], (40, 32))


@pytest.mark.parametrize("case", range(8))
@pytest.mark.parametrize("stage", STAGES)
def test_equals_the_official_grouping(golden, case, stage):
    persons, scores = group(golden[f"heatmaps_{case}"], golden[f"tags_{case}"], COCO_17, STAGES[stage])
    expected = golden[f"persons_{case}_{stage}"][..., :3]
    if stage == GOLDEN_COORDINATES_ARE_CELLS:
        expected[..., :2] += 0.5 * (expected[..., 2:] > 0)
    assert persons.shape == expected.shape
    np.testing.assert_allclose(
        as_set(persons, scores), as_set(expected, golden[f"scores_{case}_{stage}"]), rtol=0, atol=1e-3
    )


def test_tensors_give_what_arrays_give(golden):
    heatmaps, tags = golden["heatmaps_3"], golden["tags_3"]
    arrays = group(heatmaps, tags, COCO_17, PUBLISHED)
    tensors = group(torch.from_numpy(heatmaps), torch.from_numpy(tags), COCO_17, PUBLISHED)
    for array, tensor in zip(arrays, tensors, strict=True):
        assert isinstance(array, np.ndarray) and array.dtype == np.float32
        assert torch.equal(tensor, torch.from_numpy(array))


def test_layout_in_memory_does_not_matter(golden):
    heatmaps, tags = golden["heatmaps_1"], golden["tags_1"]
    strided = np.moveaxis(np.ascontiguousarray(np.moveaxis(heatmaps, 0, -1)), -1, 0)
    strided_tags = np.moveaxis(np.ascontiguousarray(np.moveaxis(tags, 0, -1)), -1, 0)
    np.testing.assert_array_equal(
        group(strided, strided_tags, COCO_17, PUBLISHED)[0], group(heatmaps, tags, COCO_17, PUBLISHED)[0]
    )


@given(people())
@settings(max_examples=25, deadline=None)
def test_finds_every_joint_of_every_person(scene):
    points, heatmaps, tags = scene
    persons, scores = group(heatmaps, tags, COCO_17, RAW)
    assert persons.shape == (*points.shape[:2], 3)
    np.testing.assert_array_equal(persons[..., :2], points)
    np.testing.assert_allclose(scores, persons[..., 2].mean(axis=1), rtol=1e-6)


@given(people(), st.integers(-50, 50))
@settings(max_examples=25, deadline=None)
def test_a_constant_added_to_all_tags_changes_nothing(scene, constant):
    _, heatmaps, tags = scene
    for config in STAGES.values():
        plain, moved = group(heatmaps, tags, COCO_17, config), group(heatmaps, tags + constant, COCO_17, config)
        np.testing.assert_array_equal(plain[0], moved[0])
        np.testing.assert_array_equal(plain[1], moved[1])


@given(people())
@settings(max_examples=25, deadline=None)
def test_mirrored_maps_give_mirrored_persons(scene):
    _, heatmaps, tags = scene
    width = heatmaps.shape[2]
    persons, scores = group(heatmaps, tags, COCO_17, RAW)
    mirrored = heatmaps[COCO_17.flip_index][..., ::-1], tags[COCO_17.flip_index][:, :, ::-1]
    result, result_scores = group(*mirrored, COCO_17, RAW)
    expected = persons[:, COCO_17.flip_index] * (-1, 1, 1) + (width, 0, 0)
    np.testing.assert_allclose(as_set(result, result_scores), as_set(expected, scores), atol=1e-5)


@given(people(), st.integers(0, K - 1))
@settings(max_examples=25, deadline=None)
def test_refinement_fills_a_joint_too_faint_to_be_detected(scene, joint):
    points, heatmaps, tags = scene
    faint = heatmaps.copy()
    faint[joint] *= 0.1
    without, _ = group(faint, tags, COCO_17, RAW)
    assert not without[:, joint].any()
    refined, _ = group(faint, tags, COCO_17, CENTRES)
    np.testing.assert_array_equal(refined[..., :2], points)
    np.testing.assert_allclose(refined[:, joint, 2], faint[joint].max(axis=(0, 1)), rtol=0.2)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.03, 0.1]), st.sampled_from([1, 2]))
@settings(max_examples=30, deadline=None)
def test_refinement_finds_what_a_look_at_every_cell_finds(seed, background, tags_a_cell):
    generator = np.random.default_rng(seed)
    heatmaps = generator.exponential(background, (K, 16, 20)).astype(np.float32)
    tags = generator.normal(0, 2, (K, 16, 20, tags_a_cell)).astype(np.float32)
    persons, _ = group(heatmaps, tags, COCO_17, RAW)
    refined, _ = group(heatmaps, tags, COCO_17, CENTRES)
    for person, filled in zip(persons, refined, strict=True):
        joints = np.flatnonzero(person[:, 2])
        x, y = person[joints, :2].astype(int).T
        tag = tags[joints, y, x].astype(np.float64).mean(axis=0).astype(np.float32)
        evidence = heatmaps - np.rint(np.sqrt(((tags - tag) ** 2).sum(axis=-1)))
        for joint in np.flatnonzero(person[:, 2] == 0):
            y, x = np.unravel_index(evidence[joint].argmax(), evidence[joint].shape)
            np.testing.assert_array_equal(filled[joint], (x + 0.5, y + 0.5, heatmaps[joint, y, x]))


def test_adjust_moves_a_quarter_cell_towards_the_higher_neighbour():
    points = np.full((1, K, 2), 5.0) + (0.2, -0.1)
    heatmaps, tags = scene(points + 0.5, [0.0], (12, 10))
    persons, _ = group(heatmaps, tags, COCO_17, PUBLISHED)
    np.testing.assert_array_equal(persons[0, :, :2], np.tile([5.75, 5.25], (K, 1)))


@pytest.mark.parametrize("corner", [(0, 0), (11, 0), (0, 9), (11, 9)])
def test_peaks_on_the_border_stay_inside_their_cell(corner):
    points = np.tile(np.array(corner) + 0.5, (1, K, 1))
    persons, _ = group(*scene(points, [0.0], (12, 10)), COCO_17, PUBLISHED)
    assert persons.shape[0] == 1
    assert np.abs(persons[..., :2] - points).max() == 0.25


@pytest.mark.parametrize("config", STAGES.values())
def test_nobody_gives_empty_arrays(config):
    persons, scores = group(np.zeros((K, 8, 9)), np.zeros((K, 8, 9, 1)), COCO_17, config)
    assert persons.shape == (0, K, 3) and scores.shape == (0,)


def test_at_most_max_persons_with_the_highest_scores_first():
    points = np.stack(np.meshgrid(np.arange(4) * 8 + 3.5, np.arange(3) * 8 + 3.5), axis=-1).reshape(-1, 1, 2)
    heatmaps, tags = scene(np.tile(points, (1, K, 1)), [5.0 * p for p in range(12)], (32, 24))
    persons, scores = group(heatmaps, tags, COCO_17, replace(PUBLISHED, max_persons=5))
    assert len(persons) == 5 and (np.diff(scores) < 0).all()
    np.testing.assert_allclose(scores, np.linspace(0.95, 0.8, 12)[:5], rtol=1e-5)
    np.testing.assert_allclose(persons[:, 0, :2], points[:5, 0], atol=0.25)


def test_persons_of_one_tag_are_kept_apart():
    heatmaps, tags = scene(np.tile([[[4.5, 4.5]], [[20.5, 4.5]]], (1, K, 1)), [1.0, 1.0], (26, 10))
    persons, _ = group(heatmaps, tags, COCO_17, RAW)
    np.testing.assert_array_equal(np.sort(persons[:, 0, 0]), [4.5, 20.5])


def test_cells_without_a_number_are_passed_over():
    points = np.full((1, K, 2), 5.5)
    heatmaps, tags = scene(points, [0.0], (12, 10))
    heatmaps[0], tags[1], heatmaps[2] = np.nan, np.nan, np.inf
    persons, _ = group(heatmaps, tags, COCO_17, RAW)
    assert (persons[0, :3] == 0).all() and (persons[0, 3:, 2] > 0).all()


def test_a_neighbour_without_a_number_moves_no_joint_away():
    heatmaps, tags = scene(np.full((1, K, 2), 5.5), [0.0], (12, 10))
    heatmaps[0, 5, 4] = np.nan
    persons, _ = group(heatmaps, tags, COCO_17, GroupingConfig())
    assert np.abs(persons[0, 0, :2] - 5.5).max() <= 0.5


@pytest.mark.parametrize(
    ("heatmaps", "tags"), [((K, 8, 9), (K, 8, 9)), ((K, 8, 9), (K, 8, 8, 1)), ((3, 8, 9), (3, 8, 9, 1))]
)
def test_refuses_maps_that_do_not_fit(heatmaps, tags):
    with pytest.raises(InputError, match=r"heatmaps.*\(17, 8|heatmaps have 3 channels"):
        group(np.zeros(heatmaps), np.zeros(tags), COCO_17, PUBLISHED)


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_persons", 0), ("detection_threshold", -0.1), ("tag_threshold", 0.0), ("nms_kernel", 4), ("nms_kernel", 0)],
)
def test_refuses_wrong_settings_by_name(field, value):
    with pytest.raises(InputError, match=f"grouping.{field} must be"):
        GroupingConfig(**{field: value})


def test_subcell_finds_joints_between_the_cells():
    generator = np.random.default_rng(3)
    points = generator.uniform(4, 28, (1, K, 2))
    heatmaps, tags = scene(points, [0.0], (32, 32))
    exact, _ = group(heatmaps, tags, COCO_17, GroupingConfig())
    quarter, _ = group(heatmaps, tags, COCO_17, PUBLISHED)
    assert np.abs(exact[..., :2] - points).max() < 0.01
    assert np.abs(quarter[..., :2] - points).max() > 0.1


class Maps(torch.nn.Module):
    """Gives the same maps whatever the image."""

    def __init__(self, heatmaps: np.ndarray, tags: np.ndarray):
        super().__init__()
        self.maps = {
            name: torch.from_numpy(np.ascontiguousarray(np.moveaxis(value, 0, 2)))[None]
            for name, value in (("heatmaps_s4", heatmaps), ("tags_s4", tags[..., 0]))
        }

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.maps


def peaks_of(heatmaps: np.ndarray, tags: np.ndarray, config: GroupingConfig) -> dict[str, np.ndarray]:
    shift = "parabola" if config.subcell else "quarter" if config.adjust else "none"
    outputs = {"heatmaps_s4": OutputInfo("heatmaps", "", 4), "tags_s4": OutputInfo("tags", "", 4)}
    model = PeakModel(Maps(heatmaps, tags), PeakSettings(config.max_persons, config.nms_kernel, shift), outputs)
    return {name: value[0].numpy() for name, value in model(torch.zeros(1, 4, 4, 3)).items()}


@pytest.mark.parametrize("case", range(8))
@pytest.mark.parametrize(
    "settings",
    [{}, {"subcell": True}, {"adjust": False}, {"max_persons": 3}, {"nms_kernel": 3, "detection_threshold": 0.3}],
    ids=str,
)
def test_peaks_of_a_model_give_the_same_persons(golden, case, settings):
    heatmaps, tags = golden[f"heatmaps_{case}"], golden[f"tags_{case}"][..., :1]
    config = GroupingConfig(**{"subcell": False} | settings, refine=False)
    found = group_peaks(peaks_of(heatmaps, tags, config), heatmaps.shape[2], COCO_17, config)
    wanted = group(heatmaps, tags, COCO_17, config)
    assert len(wanted[0])
    for values, expected in zip(found, wanted, strict=True):
        assert values.dtype == expected.dtype
        np.testing.assert_allclose(values, expected, atol=1e-4 if config.subcell else 0)


@given(people())
@settings(max_examples=25, deadline=None)
def test_peaks_give_the_same_persons_anywhere(scene):
    _, heatmaps, tags = scene
    config = GroupingConfig(refine=False, subcell=False)
    found = group_peaks(peaks_of(heatmaps, tags, config), heatmaps.shape[2], COCO_17, config)
    for values, expected in zip(found, group(heatmaps, tags, COCO_17, UNREFINED), strict=True):
        np.testing.assert_array_equal(values, expected)


def test_maps_without_peaks_give_nobody():
    config = GroupingConfig(refine=False)
    nothing = np.zeros((K, 8, 12), np.float32)
    persons, scores = group_peaks(peaks_of(nothing, nothing[..., None], config), 12, COCO_17, config)
    assert persons.shape == (0, K, 3) and scores.shape == (0,)


def test_peaks_of_another_skeleton_are_refused():
    config = GroupingConfig(refine=False)
    nothing = np.zeros((3, 8, 12), np.float32)
    with pytest.raises(InputError, match="peaks are of 3 joints, skeleton coco_17 has 17"):
        group_peaks(peaks_of(nothing, nothing[..., None], config), 12, COCO_17, config)
