"""AdamW."""

import torch
from timm.optim import param_groups_weight_decay
from torch import nn

from distill.training.optimizers.registry import OPTIMIZERS, check_momentum


@OPTIMIZERS.register("adamw")
def adamw(
    network: nn.Module, *, momentum: float = 0.9, beta2: float = 0.999, weight_decay: float = 1e-4
) -> torch.optim.Optimizer:
    """Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019.

    Args:
        network: whose parameters it moves.
        momentum: first beta, 0..1.
        beta2: second beta, 0..1.
        weight_decay: of convolution weights; biases and normalisation have none.

    Raises:
        InputError: a value is out of range.
    """
    check_momentum(momentum, weight_decay)
    groups = param_groups_weight_decay(network, weight_decay)
    return torch.optim.AdamW(groups, lr=0.0, betas=(momentum, beta2), foreach=True)
