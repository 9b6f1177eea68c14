"""What the hardware does natively, and how much of it there is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from distill.system.errors import InputError

LEAST_GAIN, TURNS = 1.1, 9
"From which gain bfloat16 is taken, and how often that is measured."


def choose_precision(precision: str) -> str:
    """`float32` or `bfloat16`; `auto` takes bfloat16 where it is faster (docs/performance.md).

    That is on GPUs that compute in it, on CPUs with AMX, and on those with AVX-512 BF16 where `bfloat16_gain` says so.
    """
    if precision != "auto":
        if precision not in ("float32", "bfloat16"):
            raise InputError(f"precision must be auto, float32 or bfloat16, not {precision!r}")
        return precision
    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_amx_tile_supported() or (
            torch.cpu._is_avx512_bf16_supported() and bfloat16_gain() > LEAST_GAIN
        )
    return "bfloat16" if native else "float32"


@cache
def bfloat16_gain() -> float:
    """How many times as fast as in float32 a convolution is in bfloat16 on this CPU, forward and backward.

    Measured once, by the fastest of several turns on one thread, which other work beside it disturbs least, with the
    channels and cells of a small student's.
    """
    seconds = {torch.float32: [], torch.bfloat16: []}
    one_thread = leave_cores_for(torch.get_num_threads() - 1)
    with one_thread, torch.inference_mode(False), torch.enable_grad():
        images = torch.ones(8, 32, 48, 48).contiguous(memory_format=torch.channels_last)
        weight = torch.ones(32, 32, 3, 3, requires_grad=True)
        for _ in range(TURNS):
            for dtype, taken in seconds.items():
                started = time.perf_counter()
                with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
                    torch.nn.functional.conv2d(images, weight, padding=1).sum().backward()
                taken.append(time.perf_counter() - started)
    return min(seconds[torch.float32]) / min(seconds[torch.bfloat16])


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
