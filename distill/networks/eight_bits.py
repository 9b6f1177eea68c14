"""Learning as if in eight bits, so that int8 loses less: what a convolution multiplies is rounded as int8 stores it.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference (CVPR 2018).
Weights are rounded by output channel, symmetrically, so that a normalisation that is folded into them later changes
nothing; activations as a whole, over the range of their batch, which keeps no state.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

_MULTIPLIES = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
_LARGEST = 127
_LEVELS = 255
_LEAST_SCALE = 1e-9


def round_activations(network: nn.Module):
    """Let all that multiplies round what it is given, in training mode; gradients go through as if it were not."""
    for module in network.modules():
        if isinstance(module, _MULTIPLIES):
            module.register_forward_pre_hook(_rounded_input)


@contextmanager
def rounded_weights(network: nn.Module) -> Iterator[None]:
    """Context in which the weights are rounded, forwards and backwards; afterwards they are what they were."""
    kept = [(module.weight, module.weight.detach().clone()) for module in network.modules() if _rounds(module)]
    with torch.no_grad():
        for module in network.modules():
            if _rounds(module):
                module.weight.copy_(_rounded_weight(module))
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, value in kept:
                weight.copy_(value)


def _rounds(module: nn.Module) -> bool:
    return isinstance(module, _MULTIPLIES) and module.weight.requires_grad


def _rounded_weight(module: nn.Module) -> torch.Tensor:
    axis = 1 if isinstance(module, nn.ConvTranspose2d) else 0
    weight = module.weight.float()
    others = [i for i in range(weight.ndim) if i != axis]
    scale = (weight.abs().amax(others) / _LARGEST).clamp(min=_LEAST_SCALE)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, axis, -_LARGEST, _LARGEST)


def _rounded_input(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...] | None:
    if not module.training:
        return None
    value, *rest = inputs
    with torch.no_grad():
        low, high = (limit.float() for limit in torch.aminmax(value))
        low, high = low.clamp(max=0), high.clamp(min=0)
        scale = ((high - low) / _LEVELS).clamp(min=_LEAST_SCALE).reshape(1)
        zero = (-low / scale).round().to(torch.int32)
    rounded = torch.fake_quantize_per_tensor_affine(value.float(), scale, zero, 0, _LEVELS)
    return rounded.to(value.dtype), *rest
