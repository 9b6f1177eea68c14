"""Samples of one data set or of several, in an endless order that mixes them by stated shares."""

from collections.abc import Sequence

import numpy as np
import torch

from distill.data.samples import Sample
from distill.data.training_samples import TrainingSamples

Key = tuple[int, int, int]
"Number of a set, epoch of that set and image id."


class Mixture:
    """Which photograph comes at any position of a training, as a function of seed and position.

    As many samples in a row as all shares add up to hold each set's share of them. Each set is shuffled anew in each of
    its own epochs, however long another one's epochs are.

    Args:
        image_ids: (N,) of each set.
        shares: of each set, at least 1.
        seed: of the order.
    """

    def __init__(self, image_ids: Sequence[np.ndarray], shares: Sequence[int], seed: int):
        self.image_ids, self.shares, self.seed = image_ids, shares, seed
        self._slots = _interleaved(shares)
        self._order: dict[int, tuple[int, np.ndarray]] = {}

    def key(self, position: int) -> Key:
        """What comes at a position, counted from 0."""
        round_, slot = divmod(position, len(self._slots))
        number, rank = self._slots[slot]
        epoch, place = divmod(round_ * self.shares[number] + rank, len(self.image_ids[number]))
        return number, epoch, int(self._shuffled(number, epoch)[place])

    def _shuffled(self, number: int, epoch: int) -> np.ndarray:
        """The ids of a set in the order of an epoch; that of its latest epoch is kept."""
        if self._order.get(number, (None,))[0] != epoch:
            seed = [self.seed, epoch, number] if number else [self.seed, epoch]
            self._order[number] = epoch, np.random.default_rng(seed).permutation(self.image_ids[number])
        return self._order[number][1]


class MixedSamples(torch.utils.data.Dataset):
    """Samples of several sets, looked up by `Key`."""

    def __init__(self, sets: Sequence[TrainingSamples]):
        self.sets = sets

    def __getitem__(self, key: Key) -> Sample:
        number, epoch, image_id = key
        return self.sets[number][epoch, image_id]


def _interleaved(shares: Sequence[int]) -> list[tuple[int, int]]:
    """Set and rank within the set of each of sum(shares) slots, every set spread evenly over them."""
    places = [((rank + 0.5) / share, number, rank) for number, share in enumerate(shares) for rank in range(share)]
    return [(number, rank) for _, number, rank in sorted(places)]
