"""Dividing a split into two, near duplicates on one side."""

import numpy as np

from distill.data.editing.content import Content
from distill.data.near_duplicates import difference_hashes, groups_of
from distill.system.errors import InputError


def divided(content: Content, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Places of the photographs that stay, of those that are held back, and how many groups of near duplicates are.

    Whole groups of near duplicates are drawn by the seed, as long as they fit; the same photographs under the same
    names are divided the same way everywhere.

    Args:
        share: of the photographs to hold back, above 0 and below 1.

    Raises:
        InputError: there are too few photographs that differ.
    """
    names = content.split.files.tolist()
    groups = groups_of(difference_hashes(content.photographs), names)
    wanted = max(round(share * len(names)), 1)
    members = [np.flatnonzero(groups == group) for group in range(groups.max() + 1)]
    held = np.zeros(len(names), dtype=bool)
    for number in np.random.default_rng(seed).permutation(len(members)):
        if held.sum() + len(members[number]) <= wanted:
            held[members[number]] = True
    if not held.any() or held.all():
        raise InputError(
            f"{len(names)} photographs in {len(members)} groups of near duplicates cannot be divided {share:g} to "
            f"{1 - share:g}; take another share, or more photographs"
        )
    return np.flatnonzero(~held), np.flatnonzero(held), sum(len(some) > 1 for some in members)
