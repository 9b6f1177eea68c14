"""Tags: pulled together within a person, pushed apart within a photograph, each photograph alike."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.heads.batch import Batch
from distill.heads.tags import Tags
from distill.system.errors import InputError


def batch_of(keypoints: torch.Tensor, size: tuple[int, int] = (48, 48)) -> Batch:
    """Samples with these persons (B, P, K, 3) and nothing else."""
    samples, joints = len(keypoints), keypoints.shape[2]
    return Batch(
        image_ids=torch.arange(samples),
        images=torch.zeros(samples, size[1], size[0], 3, dtype=torch.uint8),
        masks=torch.zeros(samples, 4, size[1] // 2, size[0] // 2, dtype=torch.uint8),
        keypoints=keypoints,
        joints=torch.zeros(0, 4),
        persons=torch.cat([keypoints[..., :2], keypoints[..., 2:].clamp(max=1)], -1),
        annotated=torch.ones(samples, joints),
        peaks=torch.zeros(0, 6),
    )


def pull_and_push(tags: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    counts = {name: count.clamp(min=1) for name, count in Tags().counts(batch, 4).items()}
    losses = Tags().losses(tags, batch, 4, 0.0, counts)
    return losses["tag_pull"].value, losses["tag_push"].value


def in_a_row(persons: int, most: int) -> torch.Tensor:
    """(1, most, 1, 3): so many persons of one joint, one in each cell of the first row."""
    keypoints = torch.zeros(1, most, 1, 3)
    keypoints[0, :persons, 0] = torch.stack(
        [torch.arange(persons) * 4 + 2.0, torch.full((persons,), 2.0), torch.full((persons,), 2.0)], dim=-1
    )
    return keypoints


def test_tags_alike_within_and_far_between_persons_cost_nothing():
    keypoints = torch.zeros(1, 2, 17, 3)
    keypoints[0, 0] = torch.tensor([10.0, 14.0, 2.0])
    keypoints[0, 1] = torch.tensor([38.0, 34.0, 1.0])
    tags = torch.zeros(1, 17, 12, 12)
    tags[..., 8, 9] = 10.0
    batch = batch_of(keypoints)
    pull, push = pull_and_push(tags, batch)
    assert pull == 0
    assert push < 1e-6
    tags[..., 8, 9] = 0.0
    assert pull_and_push(tags, batch)[1] == 1.0
    tags[:, :5, 3, 2] = 1.0
    assert pull_and_push(tags, batch)[0] > 0.05


def test_a_batch_without_persons_costs_no_tags():
    pull, push = pull_and_push(torch.randn(2, 17, 12, 12, requires_grad=True), batch_of(torch.zeros(2, 1, 17, 3)))
    assert pull == push == 0


@settings(max_examples=30, deadline=None)
@given(persons=st.lists(st.integers(0, 12), min_size=1, max_size=5), seed=st.integers(0, 2**31))
def test_push_is_the_papers_formula_for_each_photograph(persons, seed):
    """Mean over pairs of exp(-(difference)^2), then over the photographs that have a pair."""
    tags = torch.randn(len(persons), 1, 12, 12, generator=torch.Generator().manual_seed(seed))
    batch = batch_of(torch.cat([in_a_row(count, 12) for count in persons]))
    expected = []
    for number, count in enumerate(persons):
        own = tags[number, 0, 0, :count]
        pairs = [torch.exp(-((own[i] - own[j]) ** 2)) for i in range(count) for j in range(i)]
        expected += [torch.stack(pairs).mean()] if pairs else []
    wanted = torch.stack(expected).mean() if expected else torch.tensor(0.0)
    torch.testing.assert_close(pull_and_push(tags, batch)[1], wanted, rtol=1e-5, atol=1e-7)


def test_a_crowd_of_twelve_weighs_as_much_as_a_pair():
    crowd, pair = in_a_row(12, 12), in_a_row(2, 12)
    batch = batch_of(torch.cat([crowd, pair]))
    tags = torch.zeros(2, 1, 12, 12)
    tags[1, 0, 0, 1] = 100.0
    # The crowd's tags are all alike, the pair's are far apart.
    assert pull_and_push(tags, batch)[1] == pytest.approx(0.5)
    turned = batch_of(torch.cat([pair, crowd]))
    tags = torch.zeros(2, 1, 12, 12)
    tags[1, 0, 0] = 100.0 * torch.arange(12)
    assert pull_and_push(tags, turned)[1] == pytest.approx(0.5)


@pytest.mark.parametrize("size", [(48, 48), (96, 48), (48, 96)])
def test_the_cell_is_that_of_the_joint_in_rectangles(size):
    keypoints = torch.zeros(1, 1, 2, 3)
    keypoints[0, 0] = torch.tensor([[size[0] - 1.0, 1.0, 2.0], [1.0, size[1] - 1.0, 2.0]])
    tags = torch.zeros(1, 2, size[1] // 4, size[0] // 4)
    tags[0, 0, 0, -1], tags[0, 1, -1, 0] = 3.0, 3.0
    assert pull_and_push(tags, batch_of(keypoints, size))[0] == 0
    tags[0, 1, -1, 0] = 1.0
    assert pull_and_push(tags, batch_of(keypoints, size))[0] == 1.0


@pytest.mark.parametrize("wrong", [{"pull": -1}, {"push": -0.1}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match=r"outputs\.tags\.pull and outputs\.tags\.push must not be negative"):
        Tags(**wrong)
