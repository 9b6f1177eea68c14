"""SGD with Nesterov momentum."""

import torch
from timm.optim import param_groups_weight_decay
from torch import nn

from distill.training.optimizers.registry import OPTIMIZERS, check_momentum


@OPTIMIZERS.register("sgd")
def sgd(network: nn.Module, *, momentum: float = 0.9, weight_decay: float = 1e-4) -> torch.optim.Optimizer:
    """Nesterov momentum.

    Args:
        network: whose parameters it moves.
        momentum: share of the last step in the next, 0..1.
        weight_decay: of convolution weights; biases and normalisation have none.

    Raises:
        InputError: a value is out of range.
    """
    check_momentum(momentum, weight_decay)
    groups = param_groups_weight_decay(network, weight_decay)
    return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=momentum > 0)
