"""Several sets in one training: each as often as its share says, and every photograph once an epoch of its set."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from distill.data.mixing import Mixture

SETS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=5)


def mixture(sets: list[tuple[int, int]], seed: int = 3) -> Mixture:
    """Sets of so many photographs and such a share."""
    return Mixture([np.arange(count) for count, _ in sets], [share for _, share in sets], seed)


@given(SETS)
def test_shares_hold_in_every_round(sets):
    shares = [share for _, share in sets]
    mixed, length = mixture(sets), sum(shares)
    for start in (0, length * 7):
        numbers = Counter(mixed.key(start + position)[0] for position in range(length))
        assert [numbers[number] for number in range(len(sets))] == shares


@given(SETS)
def test_every_photograph_once_in_each_epoch_of_its_set(sets):
    mixed, seen = mixture(sets), Counter()
    for position in range(sum(share for _, share in sets) * 60):
        seen[mixed.key(position)] += 1
    assert set(seen.values()) == {1}
    for number, (count, share) in enumerate(sets):
        epochs = Counter(epoch for which, epoch, _ in seen if which == number)
        assert all(epochs[epoch] == count for epoch in range(60 * share // count))


@given(SETS, st.integers(0, 500))
def test_a_key_does_not_depend_on_what_was_asked_before(sets, position):
    asked = mixture(sets)
    for before in range(position):
        asked.key(before)
    assert asked.key(position) == mixture(sets).key(position)


def test_sets_alternate_instead_of_coming_in_blocks():
    numbers = [mixture([(50, 4), (50, 4)]).key(position)[0] for position in range(40)]
    assert all(one != two for one, two in pairwise(numbers))


def test_two_sets_of_one_folder_are_shuffled_apart():
    keys = [mixture([(50, 1), (50, 1)]).key(position) for position in range(100)]
    orders = [[image_id for number, _, image_id in keys if number == which] for which in (0, 1)]
    assert orders[0] != orders[1]
