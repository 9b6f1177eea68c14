"""Widths of targets: of a person's size for hard and soft alike, or as the teacher's own peaks are."""

import pytest
import torch

from distill.heads.heatmaps import Heatmaps
from distill.heads.target_width import NARROWEST, REFERENCE, WIDEST, by_person

SHAPE = (2, 17, 16, 16)


@pytest.fixture
def sized(batch):
    """Two persons in the first sample, 60 and 30 pixels long, and nobody in the second."""
    persons = torch.zeros(2, 2, 17, 3)
    for person, (x, y, side) in enumerate(((2.0, 2.0, 60.0), (40.0, 4.0, 30.0))):
        persons[0, person, 0] = torch.tensor([x, y, 1.0])
        persons[0, person, 1] = torch.tensor([x + side / 4, y + side, 1.0])
    batch.persons = persons
    batch.joints = torch.tensor([[0, 0, 2.0, 2.0], [0, 0, 40.0, 4.0]])
    batch.peaks = torch.tensor([[0, 0, 3.0, 2.0, 1.0, 8.0], [0, 0, 41.0, 4.0, 1.0, 2.0], [1, 0, 9.0, 9.0, 1.0, 4.0]])
    return batch


def test_hard_and_soft_points_of_a_joint_are_as_wide(sized):
    hard, soft = by_person(sized.joints, sized), by_person(sized.peaks, sized)
    expected = torch.tensor([60 / REFERENCE, max(30 / REFERENCE, NARROWEST)])
    torch.testing.assert_close(hard, expected)
    torch.testing.assert_close(soft, torch.cat([expected, torch.ones(1)]))


def test_a_peak_far_from_everybody_and_a_joint_nobody_has_keep_the_width(sized):
    rows = torch.tensor([[0, 0, 63.0, 63.0], [0, 5, 2.0, 2.0]])
    torch.testing.assert_close(by_person(rows, sized), torch.ones(2))
    sized.persons = sized.persons[:, :0]
    torch.testing.assert_close(by_person(rows, sized), torch.ones(2))


def spread(maps: torch.Tensor) -> float:
    """Standard deviation in x of a map (H, W), cells."""
    across = maps.sum(0) / maps.sum()
    cells = torch.arange(len(across)) + 0.5
    mean = (across * cells).sum()
    return float(((cells - mean) ** 2 * across).sum().sqrt())


@pytest.mark.parametrize(("pixels", "sigma"), [(4.0, 1.0), (6.0, 1.5), (1.0, NARROWEST), (40.0, WIDEST)])
def test_a_soft_target_is_as_wide_as_the_teachers_peak(sized, pixels, sigma):
    sized.peaks = torch.tensor([[0, 0, 33.0, 33.0, 1.0, pixels]])
    target = Heatmaps(width="teacher").soft_targets(sized, SHAPE, 4)
    assert spread(target[0, 0]) == pytest.approx(sigma, rel=0.04)
    hard = Heatmaps(width="teacher").hard_targets(sized, SHAPE, 4)
    assert torch.equal(hard, Heatmaps().hard_targets(sized, SHAPE, 4))


def test_no_points_at_all(sized):
    sized.joints, sized.peaks = sized.joints[:0], sized.peaks[:0]
    for width in ("person", "teacher"):
        head = Heatmaps(width=width)
        assert not head.hard_targets(sized, SHAPE, 4).any() and not head.soft_targets(sized, SHAPE, 4).any()
