"""SGDR as a closed function of the step."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.system.errors import InputError
from distill.training.schedule import ScheduleConfig, cycle_at, ends_cycle, learning_rate

configs = st.builds(
    ScheduleConfig,
    peak=st.floats(0.01, 1),
    floor=st.floats(0, 0.01),
    period=st.integers(2, 50),
    period_growth=st.floats(1, 3),
    peak_growth=st.floats(0.5, 1),
    floor_growth=st.floats(0.5, 1),
    warmup=st.just(0),
)


@given(configs, st.integers(0, 500))
def test_cycles_tile_the_steps(config, step):
    index, start, length = cycle_at(step, config)
    assert start <= step < start + length
    assert length == round(config.period * config.period_growth**index)
    assert ends_cycle(start + length - 1, config)
    assert cycle_at(start + length, config)[:2] == (index + 1, start + length)


@given(configs)
def test_rate_starts_at_the_peak_and_falls_towards_the_floor(config):
    _, start, length = cycle_at(config.period, config)
    assert learning_rate(start, config) == pytest.approx(config.peak * config.peak_growth)
    cycle = [learning_rate(start + i, config) for i in range(length)]
    assert all(a >= b for a, b in itertools.pairwise(cycle))
    assert cycle[-1] >= min(config.floor * config.floor_growth, config.peak * config.peak_growth)


def test_known_values():
    config = ScheduleConfig(peak=1.0, floor=0.0, period=4, period_growth=2, warmup=0)
    rates = [learning_rate(step, config) for step in (0, 2, 4, 8, 12)]
    assert rates == pytest.approx([1.0, 0.5, 1.0, 0.5, 1.0])
    assert [step for step in range(12) if ends_cycle(step, config)] == [3, 11]


def test_warmup_rises_to_the_cosine():
    config = ScheduleConfig(peak=1.0, floor=0.0, period=1000, warmup=9)
    rates = [learning_rate(step, config) for step in range(10)]
    assert rates[0] == pytest.approx(0.1)
    assert rates == sorted(rates)
    assert rates[9] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("wrong", [{"period": 0}, {"floor": 1.0, "peak": 0.1}, {"period_growth": 0.5}, {"peak": 0}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match="schedule"):
        ScheduleConfig(**wrong)
