"""Muon, which learns most from few steps."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from distill.system.devices import choose_precision
from distill.training.optimizers.registry import OPTIMIZERS, check_momentum

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"Of a Newton-Schulz step, by Jordan et al."
NEWTON_SCHULZ_STEPS = 3
BETAS, EPS = (0.9, 0.95), 1e-7
"Of the AdamW that moves what is no matrix."
LEAST_ROWS, LONGEST = 4, 128
"A matrix has so many rows and columns at least, and is so many times as long as it is wide at most."
WIDE = 64
"Rows from which matrices are multiplied in bfloat16, where the hardware does; fewer are not worth the conversion."
ADAM_SIZE = 0.2
"Root mean square of an AdamW step, to which a Muon step is scaled (Liu et al.)."


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
    return Muon([p for p in network.parameters() if p.requires_grad], momentum, weight_decay)


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov's momentum; tensors that are no matrix to it go by AdamW with Nesterov's momentum.

    All tensors are moved by a few grouped operations, matrices of one shape at once.

    Args:
        parameters: what it moves, of any shapes.
        momentum: share of the last step in the next, 0..1.
        weight_decay: share of a tensor of two dimensions or more that is lost in a step of rate 1.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], momentum: float, weight_decay: float):
        groups = {}
        for parameter in parameters:
            kind = (_is_matrix(parameter), parameter.ndim > 1)
            groups.setdefault(kind, []).append(parameter)
        super().__init__(
            [
                {"params": some, "is_matrix": is_matrix, "weight_decay": weight_decay if decays else 0.0}
                for (is_matrix, decays), some in groups.items()
            ],
            {"lr": 0.0, "momentum": momentum},
        )

    @torch.no_grad()
    def step(self, closure=None):
        """Move all parameters that have a gradient, by each group's `lr`."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
                (self._step_matrices if group["is_matrix"] else self._step_others)(group, parameters)

    def _step_matrices(self, group: dict, parameters: list[nn.Parameter]):
        gradients = [p.grad.contiguous() for p in parameters]
        (momenta,) = self._remembered(parameters, "momentum")
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        by_shape: dict[torch.Size, list[int]] = {}
        for number, matrix in enumerate(ahead):
            by_shape.setdefault(matrix.shape, []).append(number)
        for shape, numbers in by_shape.items():
            rows, columns = shape[0], math.prod(shape[1:])
            found = orthogonal(torch.stack([ahead[i].flatten(1) for i in numbers]))
            found.mul_(-group["lr"] * ADAM_SIZE * math.sqrt(max(rows, columns)))
            torch._foreach_add_([parameters[i] for i in numbers], list(found.view(-1, *shape).unbind()))

    def _step_others(self, group: dict, parameters: list[nn.Parameter]):
        gradients = [p.grad.contiguous() for p in parameters]
        means, squares = self._remembered(parameters, "mean", "square")
        steps = [self.state[p].setdefault("step", torch.tensor(0.0)) for p in parameters]
        torch._foreach_add_(steps, 1)
        taken = steps[0].item()
        torch._foreach_lerp_(means, gradients, 1 - BETAS[0])
        torch._foreach_mul_(squares, BETAS[1])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - BETAS[1])
        ahead = torch._foreach_lerp(means, gradients, 1 - BETAS[0])
        sizes = torch._foreach_sqrt(squares)
        torch._foreach_div_(sizes, math.sqrt(1 - BETAS[1] ** taken))
        torch._foreach_add_(sizes, EPS)
        torch._foreach_addcdiv_(parameters, ahead, sizes, -group["lr"] / (1 - BETAS[0] ** taken))

    def _remembered(self, parameters: list[nn.Parameter], *slots: str) -> list[list[torch.Tensor]]:
        """For each slot what is remembered of each parameter, zeros at first.

        Row by row in memory, as a checkpoint gives it back, so that a resumed run rounds alike.
        """
        for parameter in parameters:
            for slot in slots:
                if slot not in self.state[parameter]:
                    self.state[parameter][slot] = torch.zeros_like(parameter, memory_format=torch.contiguous_format)
        return [[self.state[p][slot] for p in parameters] for slot in slots]


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Matrices (N, rows, columns) with their singular values brought near 1, in float32.

    By steps of Newton and Schulz, for which bfloat16 is exact enough.
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    found = matrices.mT if is_tall else matrices
    precision = choose_precision("auto") if found.shape[1] >= WIDE else "float32"
    found = found.to(getattr(torch, precision))
    found = found / found.norm(dim=(1, 2), keepdim=True).clamp(min=EPS)
    a, b, c = COEFFICIENTS
    for _ in range(NEWTON_SCHULZ_STEPS):
        product = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(product, product, product, beta=b, alpha=c), found, beta=a)
    return (found.mT if is_tall else found).float().contiguous()


def _is_matrix(parameter: torch.Tensor) -> bool:
    """Whether a tensor is made orthogonal: no vector, no depthwise convolution, nor much longer than wide."""
    if parameter.ndim < 2 or min(parameter.shape[:2]) < 2:
        return False
    rows, columns = parameter.shape[0], math.prod(parameter.shape[1:])
    short, long = min(rows, columns), max(rows, columns)
    return short >= LEAST_ROWS and long <= LONGEST * short
