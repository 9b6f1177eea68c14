"""Precision and threads."""

import pytest
import torch

from distill.system.devices import choose_precision, leave_cores_for
from distill.system.errors import InputError


def test_a_precision_that_is_named_is_taken():
    assert choose_precision("float32") == "float32"
    assert choose_precision("bfloat16") == "bfloat16"
    assert choose_precision("auto") in ("float32", "bfloat16")


@pytest.mark.parametrize(
    ("has_amx", "has_avx512_bf16", "chosen"),
    [(True, True, "bfloat16"), (False, True, "float32"), (False, False, "float32")],
)
def test_auto_takes_bfloat16_on_processors_with_matrix_units_only(monkeypatch, has_amx, has_avx512_bf16, chosen):
    """With AVX-512 BF16 alone it was measured to be slower than float32."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_avx512_bf16)
    assert choose_precision("auto") == chosen


@pytest.mark.parametrize(("is_native", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_auto_takes_bfloat16_on_gpus_that_compute_in_it(monkeypatch, is_native, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: is_native or including_emulation)
    assert choose_precision("auto") == chosen


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
