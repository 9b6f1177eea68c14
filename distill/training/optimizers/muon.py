"""Muon, which learns most from few steps."""

import torch
from timm.optim import Muon, param_groups_weight_decay
from torch import nn

from distill.training.optimizers.registry import OPTIMIZERS, check_momentum


@OPTIMIZERS.register("muon")
def muon(network: nn.Module, *, momentum: float = 0.9, weight_decay: float = 1e-4) -> torch.optim.Optimizer:
    """The momentum of each convolution, seen as a matrix, is made orthogonal (Jordan et al., Muon, 2024).

    It is scaled to the size of an AdamW step (Liu et al., Muon is Scalable for LLM Training, 2025); vectors go by
    AdamW. Three Newton-Schulz steps of the first paper's coefficients learn no worse here than five (docs/weights.md).

    Args:
        network: whose parameters it moves.
        momentum: share of the last step in the next, 0..1.
        weight_decay: of convolution weights; biases and normalisation have none.

    Raises:
        InputError: a value is out of range.
    """
    check_momentum(momentum, weight_decay)
    groups = param_groups_weight_decay(network, weight_decay)
    return Muon(groups, lr=0.0, momentum=momentum, nesterov=True, ns_steps=3, ns_coefficients="original")
