"""Precision and threads."""

import pytest
import torch

from distill.system.devices import choose_precision, leave_cores_for
from distill.system.errors import InputError


def test_a_precision_that_is_named_is_taken():
    assert choose_precision("float32") == "float32"
    assert choose_precision("bfloat16") == "bfloat16"
    assert choose_precision("auto") in ("float32", "bfloat16")


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError, match="precision must be auto, float32 or bfloat16, not 'half'"):
        choose_precision("half")


@pytest.mark.parametrize(("workers", "left"), [(0, 4), (1, 3), (4, 1), (9, 1)])
def test_workers_take_a_core_each(workers, left):
    torch.set_num_threads(4)
    with leave_cores_for(workers):
        assert torch.get_num_threads() == left
    assert torch.get_num_threads() == 4


def test_an_error_gives_the_cores_back():
    torch.set_num_threads(2)
    with pytest.raises(KeyError), leave_cores_for(1):
        raise KeyError
    assert torch.get_num_threads() == 2
