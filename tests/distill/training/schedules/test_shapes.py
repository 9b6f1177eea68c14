"""Cosine, one cycle, warm-up-stable-decay and plateau: their shapes, and what they refuse."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.schedules.cosine import Cosine
from distill.training.schedules.one_cycle import OneCycle
from distill.training.schedules.plateau import Plateau
from distill.training.schedules.registry import SCHEDULES, over
from distill.training.schedules.warmup_stable_decay import WarmupStableDecay

CLOSED = (Cosine, OneCycle, WarmupStableDecay)


@given(make=st.sampled_from(CLOSED), steps=st.integers(1, 400), step=st.integers(0, 500), peak=st.floats(0.01, 1))
def test_the_rate_never_leaves_floor_to_peak_and_ends_at_the_floor(make, steps, step, peak):
    schedule = make(peak=peak, floor=0.001, steps=steps, **({"start": 0.001} if make is OneCycle else {"warmup": 0}))
    assert 0.001 - 1e-9 <= schedule.rate(step) <= peak + 1e-9
    assert schedule.rate(steps) == pytest.approx(0.001)
    assert schedule.rate(steps + step) == pytest.approx(0.001)


def test_cosine_falls_once():
    schedule = Cosine(peak=1.0, floor=0.0, steps=8, warmup=0)
    rates = [schedule.rate(step) for step in range(9)]
    assert all(a > b for a, b in itertools.pairwise(rates))
    assert (rates[0], rates[4], rates[8]) == pytest.approx((1.0, 0.5, 0.0))
    assert Cosine(peak=1.0, steps=1000, warmup=3).rate(0) == pytest.approx(0.25)


def test_one_cycle_rises_and_falls():
    schedule = OneCycle(peak=1.0, start=0.2, floor=0.0, rise=0.25, steps=8)
    rates = [schedule.rate(step) for step in range(9)]
    assert rates[:3] == pytest.approx([0.2, 0.6, 1.0])
    assert all(a > b for a, b in itertools.pairwise(rates[2:]))
    assert rates[5] == pytest.approx(0.5)
    assert OneCycle(rise=0.0, peak=1.0).rate(0) == pytest.approx(1.0)


def test_trainings_of_other_lengths_share_the_stable_part():
    short, long = (WarmupStableDecay(peak=1.0, warmup=3, decay=0.5, steps=steps) for steps in (20, 40))
    assert [short.rate(s) for s in range(10)] == [long.rate(s) for s in range(10)]
    assert short.rate(0) == pytest.approx(0.25)
    assert [short.rate(s) for s in (3, 9, 10)] == [1.0, 1.0, 1.0]
    assert short.rate(15) == pytest.approx(1 - 0.5**0.5)
    assert short.rate(20) == 0


def test_plateau_falls_after_minivals_that_bring_nothing():
    schedule = Plateau(peak=1.0, floor=0.2, factor=0.5, patience=2, warmup=0)
    seen = []
    for ap in (0.1, 0.2, 0.2, 0.1, 0.3, None, 0.3, 0.0, 0.0, 0.0, 0.0):
        schedule.observe(0, {"ap": ap})
        seen.append(schedule.rate(5))
    assert seen == pytest.approx([1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2])
    other = Plateau(peak=1.0, floor=0.2, factor=0.5, patience=2, warmup=0)
    other.restore(schedule.state())
    assert (other.rate(5), other.state()) == (schedule.rate(5), schedule.state())


def test_the_length_is_the_trainings_unless_it_is_given():
    assert over(Choice("cosine", {"peak": 0.5}), 70) == Choice("cosine", {"peak": 0.5, "steps": 70})
    assert over(Choice("one_cycle", {"steps": 9}), 70) == Choice("one_cycle", {"steps": 9})
    assert over(Choice("sgdr"), 70) == Choice("sgdr")


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        *((name, {"peak": 0.0}, "schedule.peak must be positive") for name in ("cosine", "one_cycle", "plateau")),
        ("cosine", {"warmup": -1}, "schedule.warmup must not be negative, not -1"),
        ("cosine", {"steps": -1}, "schedule.steps must be at least 1, not -1"),
        ("warmup_stable_decay", {"decay": 0.0}, "schedule.decay must be above 0 and at most 1"),
        ("one_cycle", {"rise": 1.0}, "schedule.rise must be at least 0 and below 1"),
        ("one_cycle", {"start": 1.0}, r"schedule.start must lie in 0\.\.peak"),
        ("plateau", {"factor": 1.0}, "schedule.factor must be above 0 and below 1"),
        ("plateau", {"patience": 0}, "schedule.patience must be at least 1, not 0"),
    ],
)
def test_wrong_values_are_refused(name, wrong, message):
    with pytest.raises(InputError, match=message):
        SCHEDULES.build(Choice(name, wrong))
