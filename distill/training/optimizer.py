"""How gradients become steps."""

import torch
from timm.optim import Muon, param_groups_weight_decay
from torch import nn

from distill.training.config import OptimizerConfig


def make_optimizer(network: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """An optimiser whose learning rate is 0 until a schedule sets it; biases and normalisation do not decay.

    sgd: Nesterov momentum. adamw: Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019. muon:
    the momentum of each convolution, seen as a matrix, is made orthogonal (Jordan et al., Muon, 2024) and scaled to
    the size of an AdamW step (Liu et al., Muon is Scalable for LLM Training, 2025); vectors go by AdamW. Three
    Newton-Schulz steps of the first paper's coefficients learn no worse here than five (docs/weights.md).
    """
    groups = param_groups_weight_decay(network, config.weight_decay)
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=config.momentum, nesterov=config.momentum > 0)
    if config.name == "adamw":
        return torch.optim.AdamW(groups, lr=0.0, betas=(config.momentum, 0.999), foreach=True)
    return Muon(groups, lr=0.0, momentum=config.momentum, nesterov=True, ns_steps=3, ns_coefficients="original")


def state_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """All that an optimiser remembers, as `INDEX.SLOT`."""
    return {
        f"{index}.{slot}": value
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
        if isinstance(value, torch.Tensor)
    }


def restore_state(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]):
    """Give an optimiser what `state_tensors` took from one like it."""
    state = optimizer.state_dict()
    for key, value in tensors.items():
        index, slot = key.split(".")
        state["state"].setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict(state)
