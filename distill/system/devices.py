"""What the hardware does natively, and how much of it there is."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from distill.system.errors import InputError


def choose_precision(precision: str) -> str:
    """`float32` or `bfloat16`; `auto` takes bfloat16 where it is faster: on GPUs that compute in it, on CPUs with AMX.

    CPUs that have AVX-512 BF16 and no AMX are slower in it than in float32 (docs/performance.md).
    """
    if precision != "auto":
        if precision not in ("float32", "bfloat16"):
            raise InputError(f"precision must be auto, float32 or bfloat16, not {precision!r}")
        return precision
    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"


@contextmanager
def leave_cores_for(workers: int) -> Iterator[None]:
    """Context in which torch computes on one core less for each loader worker, on one at least.

    Threads that meet after every operation wait for the slowest: one that shares its core slows all of them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - workers))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def choose_device(name: str) -> torch.device:
    """The device of a name; auto is the first GPU if there is one.

    Raises:
        InputError: it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return torch.device(name)
