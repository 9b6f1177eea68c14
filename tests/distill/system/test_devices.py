"""Precision and threads."""

import pytest
import torch

from distill.system.devices import bfloat16_gain, choose_precision, leave_cores_for
from distill.system.errors import InputError


def test_a_precision_that_is_named_is_taken():
    assert choose_precision("float32") == "float32"
    assert choose_precision("bfloat16") == "bfloat16"
    assert choose_precision("auto") in ("float32", "bfloat16")


@pytest.mark.parametrize(
    ("has_amx", "has_avx512_bf16", "gain", "chosen"),
    [
        (True, True, 0.5, "bfloat16"),
        (False, True, 1.8, "bfloat16"),
        (False, True, 0.7, "float32"),
        (False, False, 1.8, "float32"),
    ],
)
def test_auto_takes_bfloat16_on_processors_that_are_faster_in_it(monkeypatch, has_amx, has_avx512_bf16, gain, chosen):
    """With AVX-512 BF16 alone it depends on the processor."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_avx512_bf16)
    monkeypatch.setattr("distill.system.devices.bfloat16_gain", lambda: gain)
    assert choose_precision("auto") == chosen


def test_what_bfloat16_gains_is_measured_anywhere_and_touches_no_random_numbers():
    state = torch.get_rng_state()
    bfloat16_gain.cache_clear()
    with torch.inference_mode():
        assert bfloat16_gain() > 0
    assert bfloat16_gain.cache_info().currsize == 1
    assert torch.equal(torch.get_rng_state(), state)


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
