"""A network compiled before the first step, and what that gains."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from distill.system.errors import InputError

_PASSES = 5


@dataclass(frozen=True)
class Compiled:
    """A network that `torch.compile` has compiled, and what it took and takes."""

    network: nn.Module
    "Shares its parameters with the one that was given."
    seconds: float
    "Of the first pass, forward and backward, in which it is compiled."
    ratio: float
    "Time of a pass through the one that was given over that through the compiled one, median of passes in turns."


def compiled(network: nn.Module, shape: tuple[int, int, int, int], device: torch.device) -> Compiled:
    """Compile a network as it learns, and measure it on images of noise; it is left as it was.

    Args:
        network: as the accelerator prepared it.
        shape: (B, 3, H, W) of what one pass takes.

    Raises:
        InputError: it cannot be compiled here, such as without a C++ compiler.
    """
    faster = torch.compile(network)
    with _unchanged(network), torch.random.fork_rng():
        images = torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last)
        try:
            seconds = _pass(faster, images)
        except Exception as error:  # the compiler raises whatever its parts trip over
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise InputError(f"compile: this network cannot be compiled here ({reason}); leave it out") from error
        pairs = [(_pass(network, images), _pass(faster, images)) for _ in range(_PASSES)]
    return Compiled(faster, seconds, median(plain / quick for plain, quick in pairs))


def _pass(network: nn.Module, images: torch.Tensor) -> float:
    """Seconds of one forward and backward."""
    started = time.perf_counter()
    outputs = network(images)
    sum(maps.float().square().mean() for maps in outputs.values()).backward()
    if images.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


@contextmanager
def _unchanged(network: nn.Module) -> Iterator[None]:
    """Context after which the statistics of normalisation are what they were, and nothing has a gradient."""
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    try:
        yield
    finally:
        network.zero_grad(set_to_none=True)
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)
