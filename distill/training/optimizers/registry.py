"""The optimisers by name.

Each file of this package enters a function in `OPTIMIZERS`: called with a network and its options it gives a
`torch.optim.Optimizer` whose learning rate the schedule sets before every step.
"""

from distill.system.errors import InputError
from distill.system.registry import Registry

OPTIMIZERS = Registry("optimizer", "distill.training.optimizers")


def check_momentum(momentum: float, weight_decay: float):
    """Refuse what no optimiser takes.

    Raises:
        InputError: a value is out of range.
    """
    if not 0 <= momentum < 1 or weight_decay < 0:
        raise InputError("optimizer.momentum must be at least 0 and below 1, weight_decay must not be negative")
