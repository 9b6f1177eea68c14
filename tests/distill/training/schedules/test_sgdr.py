"""SGDR as a closed function of the step."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.schedules.registry import SCHEDULES
from distill.training.schedules.sgdr import Sgdr

schedules = st.builds(
    Sgdr,
    peak=st.floats(0.01, 1),
    floor=st.floats(0, 0.01),
    period=st.integers(2, 50),
    period_growth=st.floats(1, 3),
    peak_growth=st.floats(0.5, 1),
    floor_growth=st.floats(0.5, 1),
    warmup=st.just(0),
)


@given(schedules, st.integers(0, 500))
def test_cycles_tile_the_steps(schedule, step):
    index, start, length = schedule.cycle_at(step)
    assert start <= step < start + length
    assert length == round(schedule.period * schedule.period_growth**index)
    assert schedule.ends_cycle(start + length - 1)
    assert schedule.cycle_at(start + length)[:2] == (index + 1, start + length)


@given(schedules)
def test_rate_starts_at_the_peak_and_falls_towards_the_floor(schedule):
    _, start, length = schedule.cycle_at(schedule.period)
    assert schedule.rate(start) == pytest.approx(schedule.peak * schedule.peak_growth)
    cycle = [schedule.rate(start + i) for i in range(length)]
    assert all(a >= b for a, b in itertools.pairwise(cycle))
    assert cycle[-1] >= min(schedule.floor * schedule.floor_growth, schedule.peak * schedule.peak_growth)


def test_known_values():
    schedule = Sgdr(peak=1.0, floor=0.0, period=4, period_growth=2, warmup=0)
    rates = [schedule.rate(step) for step in (0, 2, 4, 8, 12)]
    assert rates == pytest.approx([1.0, 0.5, 1.0, 0.5, 1.0])
    assert [step for step in range(12) if schedule.ends_cycle(step)] == [3, 11]


def test_warmup_rises_to_the_cosine():
    schedule = Sgdr(peak=1.0, floor=0.0, period=1000, warmup=9)
    rates = [schedule.rate(step) for step in range(10)]
    assert rates[0] == pytest.approx(0.1)
    assert rates == sorted(rates)
    assert rates[9] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("wrong", [{"period": 0}, {"floor": 1.0, "peak": 0.1}, {"period_growth": 0.5}, {"peak": 0}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match="schedule"):
        Sgdr(**wrong)


def test_by_name_and_options():
    assert SCHEDULES.build(Choice("sgdr", {"peak": 0.5, "period": 7})) == Sgdr(peak=0.5, period=7)
    with pytest.raises(InputError, match="schedule sgdr has no option 'gamma'; its options are peak, floor, period"):
        SCHEDULES.build(Choice("sgdr", {"gamma": 0.5}))
    with pytest.raises(InputError, match="schedule 'cosinus' is unknown; choose from cosine, one_cycle"):
        SCHEDULES.build(Choice("cosinus"))


def test_it_remembers_nothing():
    schedule = Sgdr()
    schedule.observe(10, {"ap": 0.5})
    assert schedule.state() == {}
    schedule.restore({})
    assert schedule == Sgdr()
