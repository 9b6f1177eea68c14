"""Widths of targets that follow a person's size or the teacher's own spread."""

import torch

from distill.heads.batch import Batch

REFERENCE = 96.0
"Longer side of a person, pixels of the input, whose joints are drawn at the stated width."
NARROWEST, WIDEST = 0.5, 2.0
"Limits of the factor that a person's size or the teacher makes of the stated width."
NEAR = 0.5
"A joint is a person's where that person's own lies within this share of its longer side."


def by_person(rows: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Factor (N,) of the width for points, from the size of the person that each belongs to; 1 where none is near.

    The person is the one whose same joint is nearest; hard and soft points of a joint so get the same width. After Luo
    et al., Rethinking the Heatmap Regression for Bottom-up Human Pose Estimation, CVPR 2021, but by annotated size
    instead of a learnt scale.

    Args:
        rows: (N, 4) or more: sample, joint, x, y in pixels of the input.
    """
    sample, joint = rows[:, 0].long(), rows[:, 1].long()
    if not batch.persons.shape[1]:
        return torch.ones(len(rows), device=rows.device)
    own = batch.persons[sample, :, joint]
    distance = (own[..., :2] - rows[:, None, 2:4]).norm(dim=-1).masked_fill(own[..., 2] <= 0, torch.inf)
    apart, person = distance.min(dim=1)
    side = longer_sides(batch.persons)[sample, person]
    factor = (side / REFERENCE).clamp(NARROWEST, WIDEST)
    return torch.where(apart <= NEAR * side, factor, 1.0)


def by_teacher(rows: torch.Tensor, stride: int, sigma: float) -> torch.Tensor:
    """Factor (N,) of the width for the teacher's peaks, so that each is as wide as in the teacher's own maps.

    Args:
        rows: (N, 6), as `Batch.peaks`; widths in pixels of the input, of any scale.
        stride: of the maps.
        sigma: the stated width, cells.
    """
    return (rows[:, 5] / (stride * sigma)).clamp(NARROWEST, WIDEST)


def longer_sides(persons: torch.Tensor) -> torch.Tensor:
    """(B, P) pixels of the longer side of the box around the joints that are known, of persons (B, P, K, 3); 0 for
    nobody."""
    known = (persons[..., 2] > 0)[..., None]
    low = persons[..., :2].masked_fill(~known, torch.inf).amin(2)
    high = persons[..., :2].masked_fill(~known, -torch.inf).amax(2)
    return (high - low).amax(-1).nan_to_num(0, 0, 0)
