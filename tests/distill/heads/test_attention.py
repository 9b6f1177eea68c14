"""Attention: taught by outlines, and not where there is none."""

import pytest
import torch
from torch.nn import functional

from distill.heads.attention import Attention
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError


def loss_of(logits, batch):
    head = Attention()
    return head.losses(logits, batch, 4, 0.0, head.counts(batch, 4))["attention"].value


def test_it_is_not_supervised_where_the_outline_is_unknown(batch, maps):
    batch.masks[:, 1, :, :16] = 255
    logits = maps["attention"]
    before = loss_of(logits, batch)
    logits[..., :8] = 50
    assert loss_of(logits, batch) == before
    logits[..., 8:] = 50
    assert loss_of(logits, batch) > before


def test_it_is_the_mean_over_known_cells(batch, maps):
    batch.masks[0, 1] = 255
    batch.masks[1, 0, :16] = 255
    target = torch.zeros(1, 1, 16, 16)
    target[:, :, :8] = 1
    expected = functional.binary_cross_entropy_with_logits(maps["attention"][1:], target)
    torch.testing.assert_close(loss_of(maps["attention"], batch), expected)


def test_one_channel_and_no_negative_weight():
    assert Attention().channels(COCO_17) == 1
    with pytest.raises(InputError, match=r"outputs\.attention\.weight must not be negative"):
        Attention(weight=-1)
