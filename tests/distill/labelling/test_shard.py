import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.labelling.shard import MOST_BESIDE, batches

SIZES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=40)


def split(sizes, batch_size, mixed):
    ids = np.arange(len(sizes)) * 3
    return [batch.tolist() for batch in batches(ids, lambda i: sizes[i // 3], batch_size, mixed=mixed)]


@given(SIZES, st.integers(1, 5), st.booleans())
def test_batches_hold_every_image_once_and_like_sizes(sizes, batch_size, mixed):
    found = split(sizes, batch_size, mixed)
    assert sorted(i // 3 for batch in found for i in batch) == list(range(len(sizes)))
    for batch in found:
        assert 0 < len(batch) <= batch_size
        together = np.array([sizes[i // 3] for i in batch])
        most = MOST_BESIDE if mixed else 1.0
        assert together.max(axis=0).prod() <= most * together.prod(axis=1).min()


@given(SIZES, st.integers(1, 5))
def test_mixing_never_makes_more_batches(sizes, batch_size):
    assert len(split(sizes, batch_size, True)) <= len(split(sizes, batch_size, False))


@pytest.mark.parametrize(("shard", "batch_size"), [(128, 8), (512, 32)])
def test_batches_of_a_shard_of_everyday_photographs_are_full(shard, batch_size):
    """Sides as cameras and people who crop them make them, brought to a short side of 512 pixels, in steps of 64."""
    rng = np.random.default_rng(0)
    common, odd = [(704, 512), (768, 512), (512, 704), (512, 768)], range(512, 1025, 64)
    rest = [(int(side), 512) if rng.random() < 0.5 else (512, int(side)) for side in rng.choice(odd, shard // 4)]
    sizes = [common[i] for i in rng.choice(4, shard - len(rest), p=(0.45, 0.3, 0.15, 0.1))] + rest
    assert shard / len(split(sizes, batch_size, True)) >= 0.8 * batch_size
