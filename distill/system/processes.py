"""Several processes: those that train one network, how they find, ask and lose one another; and those one started."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from torch import distributed

from distill.system.errors import InputError

LONGEST_WAIT = timedelta(hours=3)
"How long processes wait for the main one while it measures or writes; they do so through the processors."
LONGEST_OPERATION = timedelta(minutes=30)
"How long a GPU waits for another one, which hangs or is gone when it takes longer."
_LOST = "another process of this training has ended; see its message"


def join_slurm_step(environment: MutableMapping[str, str] = os.environ, gpus: int | None = None):
    """Tell PyTorch this process's place among the tasks of a Slurm step, as torchrun would.

    Nothing is changed outside of a step, in a step of one task and below another launcher. The local rank is the
    number of the GPU to take: 0 in every task where each sees no GPU but its own (`srun --gpus-per-task=1`).

    Args:
        gpus: that this process sees; counted by default.

    Raises:
        InputError: MASTER_ADDR or MASTER_PORT is not set.
    """
    tasks = environment.get("SLURM_STEP_NUM_TASKS", "1")
    if tasks == "1" or "WORLD_SIZE" in environment:
        return
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if not environment.get(name):
            raise InputError(f"{tasks} tasks of a Slurm step need {name}; start them by jobs/slurm/train.sh or set it")
    environment["WORLD_SIZE"] = tasks
    environment["RANK"] = environment["SLURM_PROCID"]
    gpus = torch.cuda.device_count() if gpus is None else gpus
    place = int(environment["SLURM_LOCALID"])
    environment["LOCAL_RANK"] = str(place % gpus if gpus else place)


def make_accelerator(precision: str, accumulate: int) -> Accelerator:
    """Device, precision and processes as the environment has them: NCCL between GPUs, gloo between CPUs.

    Args:
        precision: float32 or bfloat16.
        accumulate: micro-batches of one optimiser step.

    Raises:
        InputError: the processes do not find one another.
    """
    has_gpu = torch.cuda.is_available()
    try:
        return Accelerator(
            mixed_precision="bf16" if precision == "bfloat16" else "no",
            gradient_accumulation_steps=accumulate,
            cpu=not has_gpu,
            kwargs_handlers=[InitProcessGroupKwargs(timeout=LONGEST_OPERATION if has_gpu else LONGEST_WAIT)],
        )
    except (RuntimeError, ValueError) as error:
        if "WORLD_SIZE" not in os.environ:
            raise
        place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise InputError(f"the processes of this training cannot meet at {place}: {error}") from None


class Agreement:
    """The largest of a small number over all processes, through the processors, so that no GPU waits.

    Raises:
        InputError: the processors do not find one another.
    """

    def __init__(self, num_processes: int):
        self.num_processes = num_processes
        self._group = None
        if num_processes > 1 and distributed.get_backend() != "gloo":
            try:
                self._group = distributed.new_group(backend="gloo", timeout=LONGEST_WAIT)
            except RuntimeError as error:
                raise InputError(
                    f"the processes of this training cannot meet by gloo ({error}); set GLOO_SOCKET_IFNAME to the name "
                    "of the network interface that joins the nodes"
                ) from None

    def largest(self, number: int) -> int:
        """The largest of all processes' numbers; every process must ask."""
        if self.num_processes == 1:
            return number
        value = torch.tensor(number)
        distributed.all_reduce(value, distributed.ReduceOp.MAX, self._group)
        return int(value)

    def is_common(self, number: int) -> bool:
        """Whether all processes have the same number; every process must ask."""
        return self.largest(number) == -self.largest(-number)

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Context that all processes pass, or none.

        Raises:
            InputError: another process failed in it.
        """
        try:
            yield
        except Exception:
            self.largest(1)
            raise
        if self.largest(0):
            raise InputError(_LOST)


def from_main_process(value: Any, accelerator: Accelerator) -> Any:
    """The main process's value, in every process; every process must ask."""
    if accelerator.num_processes == 1:
        return value
    held = [value]
    distributed.broadcast_object_list(held, device=accelerator.device)
    return held[0]


@contextmanager
def lost_process_as_error() -> Iterator[None]:
    """Context in which the end of another process is an error of one line.

    Raises:
        InputError: another process has ended, so that this one cannot go on.
    """
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, distributed.DistError) or "gloo" in str(error)):
            raise
        raise InputError(_LOST) from None


@contextmanager
def no_children_left() -> Iterator[None]:
    """Context at whose end no process lives that was started in it, whatever ended it.

    At exit multiprocessing asks its processes by SIGTERM to end and waits; loader workers ignore that signal.
    """
    before = set(multiprocessing.active_children())
    try:
        yield
    finally:
        end_children(set(multiprocessing.active_children()) - before)


def end_children(children: Iterable[BaseProcess]):
    """Kill processes that this one started and wait for their end."""
    children = list(children)
    if not children:
        return
    is_main = threading.current_thread() is threading.main_thread()
    # PyTorch's handler would raise that a loader worker died.
    handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL) if is_main else None
    try:
        for child in children:
            child.kill()
        for child in children:
            child.join()
    finally:
        if is_main:
            signal.signal(signal.SIGCHLD, handler)
