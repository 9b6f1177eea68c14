"""Whom the teacher is sure of teaches; whom it doubts neither teaches nor punishes; a human's word comes first."""

import shutil

import numpy as np
import pytest
import torch

from cache.store import SoftLabelStore
from distill.commands import cache
from distill.data.augment import AugmentConfig
from distill.data.held_rows import HeldRows
from distill.data.keypoint_set import UNKNOWN, KeypointSet
from distill.data.loader import collate
from distill.data.source import DataSource
from distill.data.teacher_persons import HeldPersons, outlined, outside_of_doubt, parted, preload_persons
from distill.data.training_samples import TrainingSamples
from distill.heads.attention import Attention
from distill.heads.heatmaps import Heatmaps
from distill.heads.tags import Tags
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError
from distill.training.config import TrainDataConfig

STILL = AugmentConfig(
    flip=0, rotation=0, scale_min=1, scale_max=1, translation=0, brightness=0, contrast=0, saturation=0
)


def person(x: float, y: float, confidence: float = 0.8) -> np.ndarray:
    """(17, 3) joints in a square of 16 pixels."""
    grid = np.stack(np.meshgrid(np.linspace(0, 16, 5), np.linspace(0, 16, 5)), -1).reshape(-1, 2)[:17]
    return np.column_stack([grid + (x, y), np.full(17, confidence)]).astype(np.float32)


@pytest.fixture
def folder(shared, tmp_path):
    """One real photograph that nobody annotated."""
    (tmp_path / "photographs").mkdir()
    photograph = min((shared / "real" / "photographs").iterdir())
    shutil.copy(photograph, tmp_path / "photographs")
    return tmp_path / "photographs"


def batch_of(folder, sure, doubted):
    data = KeypointSet(DataSource(folder), COCO_17)
    image_id = int(data.image_ids[0])
    samples = TrainingSamples(data, (128, 128), STILL, 0, read_persons=lambda _: (np.array(sure), np.array(doubted)))
    return collate([samples[0, image_id]])


def test_doubt_is_where_only_doubted_persons_are():
    sure, doubted = person(10, 10), person(60, 40)
    mask = outside_of_doubt((100, 80), np.array([sure]), np.array([doubted]))
    assert mask[48, 68] == 0 and mask[18, 18] == 255 and mask[5, 90] == 255
    assert (mask == 0).sum() < 30 * 30
    assert outside_of_doubt((100, 80), np.array([sure]), np.array([sure]))[18, 18] == 255


def test_nothing_is_taught_of_those_in_doubt(folder):
    none = np.zeros((0, 17, 3), np.float32)
    batch = batch_of(folder, none, [person(width_of(folder) / 2, 40)])
    assert (batch.masks[:, 3] == 0).sum() > batch_of(folder, none, none).masks[:, 3].eq(0).sum()
    doubted = (batch.masks[0, 3] == 0).float()
    maps = torch.zeros(1, 17, 32, 32, requires_grad=True)
    loss = Heatmaps().losses(maps + 1, batch, 4, 1.0, {})["heatmap_soft_s4"].value
    (gradient,) = torch.autograd.grad(loss, maps)
    covered = torch.nn.functional.avg_pool2d(doubted[None, None], 2)[0, 0] == 1
    assert covered.any() and not gradient[0, :, covered].any()
    assert gradient[0, :, ~covered].any()
    assert Tags().counts(batch, 4)["tag_pull"] == 0


def width_of(folder) -> int:
    data = KeypointSet(DataSource(folder), COCO_17)
    return data.size(int(data.image_ids[0]))[0]


def test_the_sure_are_told_apart_by_their_confidence(folder):
    batch = batch_of(folder, [person(20, 20, 0.9), person(60, 60, 0.3)], np.zeros((0, 17, 3), np.float32))
    counts = Tags().counts(batch, 4)
    assert counts["tag_pull"].item() == pytest.approx(1.2)
    assert counts["tag_push"] == 1
    assert not batch.keypoints.any()
    maps = torch.randn(1, 17, 32, 32, requires_grad=True)
    losses = Tags().losses(maps, batch, 4, 1.0, counts)
    assert all(torch.autograd.grad(loss.value, maps, retain_graph=True)[0].any() for loss in losses.values())


def test_where_a_human_annotated_the_teachers_persons_say_nothing(tiny_synthetic):
    data = KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)
    image_id = int(data.image_ids[0])

    def read(image_id):
        raise AssertionError("the teacher was asked")

    batch = collate([TrainingSamples(data, (128, 128), STILL, 0, read_persons=read)[0, image_id]])
    np.testing.assert_array_equal(batch.persons[..., :2], batch.keypoints[..., :2])
    np.testing.assert_array_equal(batch.persons[..., 2], batch.keypoints[..., 2] > 0)


def test_persons_of_a_store_are_parted_by_their_score(tiny_synthetic, tmp_path):
    out = str(tmp_path / "labels.zarr")
    where = ["--data.root", str(tiny_synthetic), "--data.split", "train2017", "--map_size", "32", "--out", out]
    assert cache.main(["build", "--teacher", "oracle", *where]) == 0
    store = SoftLabelStore.open(out)
    image_id = max(store.image_ids.tolist(), key=lambda i: len(store.read_persons(i)[1]))
    persons, scores = store.read_persons(image_id)
    assert len(scores) > 1
    for least in (0.0, float(scores.max()), 1.1):
        sure, doubted = parted(store.read_persons, least)(image_id)
        np.testing.assert_array_equal(sure, persons[scores >= least])
        np.testing.assert_array_equal(doubted, persons[scores < least])
    for workers in (0, 2):
        held = preload_persons(store, store.image_ids[1:], workers=workers)
        for each in store.image_ids[1:].tolist():
            for one, other in zip(held(each), store.read_persons(each), strict=True):
                np.testing.assert_array_equal(one, other, strict=True)
        with pytest.raises(InputError, match="the persons of image_id"):
            held(int(store.image_ids[0]))
    assert preload_persons(store, store.image_ids, stop=lambda: True) is None


def test_nobody_is_held_as_nobody():
    held = HeldPersons(HeldRows([(np.array([4]), np.array([0]), np.zeros((0, 52), np.float32))], "persons"))
    persons, scores = held(4)
    assert persons.shape == (0, 17, 3) and scores.shape == (0,)


def test_the_score_is_checked():
    with pytest.raises(InputError, match=r"data\.sure_score must lie in 0\.\.1, not -1"):
        TrainDataConfig(sure_score=-1)


def test_hulls_stand_in_for_unknown_outlines():
    masks = np.zeros((80, 100, 3), dtype=np.uint8)
    masks[..., UNKNOWN] = 255
    masks[:, :4, UNKNOWN] = 0
    sure, doubted = person(10, 10), person(22, 10)
    told = outlined(masks, np.array([sure]), np.array([doubted]))
    assert masks[18, 18, UNKNOWN] == 255
    assert told[18, 18].tolist() == [255, 0, 0]
    assert told[6, 20].tolist() == [0, 0, 0]
    assert told[18, 30, UNKNOWN] == 255 and told[70, 90, UNKNOWN] == 255
    assert told[18, 2].tolist() == [0, 0, 0]
    nobody = np.zeros((0, 17, 3), np.float32)
    np.testing.assert_array_equal(outlined(masks, nobody, np.array([doubted])), masks)
    halved = outlined(masks[::2, ::2], np.array([sure]), np.array([doubted]), 2)
    assert (halved != told[::2, ::2]).mean() < 0.03


@pytest.mark.parametrize("asked", [False, True])
def test_attention_is_taught_by_hulls_only_if_asked(folder, asked):
    data = KeypointSet(DataSource(folder), COCO_17)
    image_id = int(data.image_ids[0])
    somebody = np.array([person(width_of(folder) / 2, 40)])

    def persons_of(_: int):
        return somebody, somebody[:0]

    samples = TrainingSamples(data, (128, 128), STILL, 0, read_persons=persons_of, teacher_outlines=asked)
    counts = Attention().counts(collate([samples[0, image_id]]), 4)
    assert (float(counts["attention"]) > 0) == asked


def test_a_known_outline_stays(shared):
    data = KeypointSet(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    for image_id in data.image_ids[:20].tolist():
        size = data.size(image_id)
        everywhere = np.array([person(size[0] / 2, size[1] / 2)])
        masks = data.masks(image_id)
        known = masks[..., UNKNOWN] == 0
        told = outlined(masks, everywhere, everywhere[:0])
        np.testing.assert_array_equal(told[known], masks[known])
