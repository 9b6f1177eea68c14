import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.labelling.array_task import array_task
from distill.system.errors import InputError


def slurm(number, first, step, count):
    """The environment of one task of an array."""
    values = {"ID": number, "MIN": first, "STEP": step, "COUNT": count, "MAX": first + step * (count - 1)}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


def gaps(ids, number):
    """The environment of one task of an array whose ids are listed."""
    return slurm(number, min(ids), 1, len(ids)) | {"SLURM_ARRAY_TASK_MAX": str(max(ids))}


def test_alone_without_an_array():
    assert array_task(environment={}) == (0, 1)


@given(st.integers(0, 9), st.integers(1, 5), st.integers(1, 20))
def test_array_of_any_start_and_step_counts_from_0(first, step, count):
    ids = range(first, first + step * count, step)
    assert [array_task(environment=slurm(i, first, step, count)) for i in ids] == [(i, count) for i in range(count)]


def test_a_task_of_an_array_says_that_it_does_a_part(capsys):
    array_task(environment=slurm(6, 4, 2, 40) | {"SLURM_ARRAY_JOB_ID": "77"})
    assert "task 2 of 40 of the Slurm array 77" in capsys.readouterr().err


def test_options_win():
    assert array_task(2, 5, slurm(3, 1, 1, 4)) == (2, 5)


@pytest.mark.parametrize(("task", "tasks"), [(5, 5), (-1, 3), (0, 0), (1, None), (None, 2)])
def test_wrong_options_are_refused(task, tasks):
    with pytest.raises(InputError, match="task_id"):
        array_task(task, tasks, {})


@pytest.mark.parametrize(
    "environment",
    [
        *(gaps((3, 7), i) for i in (3, 7)),
        *(gaps((0, 1, 3), i) for i in (0, 1, 3)),
        slurm(7, 1, 1, 3),
        slurm(4, 1, 2, 3),
        slurm("x", 0, 1, 2),
        slurm(1, 0, 0, 2),
        slurm(0, 1, 1, 3),
    ],
)
def test_arrays_with_gaps_are_refused(environment):
    with pytest.raises(InputError, match="SLURM_ARRAY_TASK_ID"):
        array_task(environment=environment)
