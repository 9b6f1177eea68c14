"""Training and evaluation mode, module by module, and parts of a network that do not learn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from distill.system.errors import InputError


@contextmanager
def evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """Context in which a network is in evaluation mode; each module goes back to the mode that it had."""
    modes = {module: module.training for module in network.modules()}
    try:
        yield network.eval()
    finally:
        for module, mode in modes.items():
            module.training = mode


def freeze(network: nn.Module, parts: Sequence[str]):
    """Keep the parameters below these names from learning, and their normalisation at its statistics.

    Args:
        parts: names of modules or parameters, such as backbone or backbone.stem.

    Raises:
        InputError: nothing has such a name, or nothing is left that learns.
    """
    for part in parts:
        modules = [module for name, module in network.named_modules() if _is_below(name, part)]
        parameters = [parameter for name, parameter in network.named_parameters() if _is_below(name, part)]
        if not modules and not parameters:
            known = ", ".join(name for name, _ in network.named_children())
            raise InputError(f"freeze names {part!r}, which this network has not; its parts are {known}")
        for parameter in parameters:
            parameter.requires_grad_(False)
        for module in modules:
            module.eval()
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise InputError(f"freeze names {', '.join(parts)}, so that nothing is left that learns")


def freeze_norm(network: nn.Module):
    """Keep all normalisation at its statistics."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _is_below(name: str, part: str) -> bool:
    return f"{name}.".startswith(f"{part}.")
