"""Which part of the work one task of several does, by options or as a Slurm array says."""

import os
from collections.abc import Mapping

from distill.system.errors import InputError
from distill.system.notes import note


def array_task(
    task_id: int | None = None, num_tasks: int | None = None, environment: Mapping[str, str] = os.environ
) -> tuple[int, int]:
    """Number of this task, from 0, and how many there are.

    What is None comes from the Slurm array that this process belongs to, whose ids may start anywhere and
    have equal steps; outside of one there is a single task.

    Raises:
        InputError: one is given without the other, the id is out of range, or the array has gaps.
    """
    if (task_id is None) != (num_tasks is None):
        raise InputError("task_id and num_tasks are given both or neither")
    if task_id is None:
        task_id, num_tasks = _slurm_task(environment)
    if num_tasks < 1 or not 0 <= task_id < num_tasks:
        raise InputError(f"task_id must be 0 or more and below num_tasks, not {task_id} of {num_tasks}")
    return task_id, num_tasks


def _slurm_task(environment: Mapping[str, str]) -> tuple[int, int]:
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return 0, 1
    defaults = {"ID": 0, "COUNT": 1, "MIN": 0, "STEP": 1}
    try:
        number, count, first, step = (
            int(environment.get(f"SLURM_ARRAY_TASK_{name}", default)) for name, default in defaults.items()
        )
        last = int(environment.get("SLURM_ARRAY_TASK_MAX", first + step * (count - 1)))
        position, rest = divmod(number - first, step)
    except (ValueError, ZeroDivisionError):
        raise InputError("SLURM_ARRAY_TASK_ID and its like are not numbers; give task_id and num_tasks") from None
    if rest or not 0 <= position < count or last != first + step * (count - 1):
        raise InputError(
            f"SLURM_ARRAY_TASK_ID {number}: the {count} ids from {first} to {last} are not in equal steps, so part "
            "of the work would be nobody's; submit an array such as 0-15, or give task_id and num_tasks"
        )
    note(
        f"task {position + 1} of {count} of the Slurm array {environment.get('SLURM_ARRAY_JOB_ID', '')} "
        "(SLURM_ARRAY_TASK_ID): it does its part alone; task_id 0 and num_tasks 1 do everything"
    )
    return position, count
