import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cache.encoding import LinearEncoding
from cache.maxima import MOST_STEPS, keep_maxima

WINDOW = np.ones((5, 5), np.uint8)


def maxima(maps):
    """Cells (K, H, W) that none in a window of 5 exceeds, 0 apart."""
    return (np.stack([cv2.dilate(one, WINDOW) for one in maps]) == maps) & (maps > 0)


def blobs(seed, spread):
    """Three joints of two Gaussians each; the wider, the flatter their tops."""
    rng = np.random.default_rng(seed)
    cells = np.arange(48) + 0.5
    x, y = rng.uniform(0, 48, (2, 3, 2, 1, 1))
    heights = rng.uniform(0.1, 1, (3, 2, 1, 1))
    distances = (cells - x) ** 2 + (cells[:, None] - y) ** 2
    return (heights * np.exp(-distances / (2 * spread**2))).max(axis=1).astype(np.float32)


@given(st.integers(0, 10_000), st.floats(1, 4))
def test_maxima_are_the_same_after_decoding(seed, spread):
    maps, encoding = blobs(seed, spread), LinearEncoding()
    decoded = encoding.decode(encoding.encode_maps(maps))
    expected = maxima(maps) & (maps >= encoding.floor)
    np.testing.assert_array_equal(maxima(decoded), expected)
    assert np.abs(decoded - maps)[maps >= encoding.floor].max() <= 3.5 / 255 + 1e-6


def lowered_everywhere(maps, codes):
    """What `keep_maxima` is to give, with every map looked at as a whole in each round."""
    codes = codes.copy()
    highest = np.stack([cv2.dilate(one, WINDOW) for one in np.minimum(maps, 1)])
    for _ in range(MOST_STEPS):
        codes -= maxima(codes) & (np.minimum(maps, 1) < highest)
    return codes


@given(
    st.integers(0, 10_000),
    st.tuples(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24)),
    st.sampled_from([1, 0.1, 0.02, 0.004]),
)
def test_rounds_around_lowered_cells_give_what_rounds_over_whole_maps_give(seed, shape, height):
    maps = np.random.default_rng(seed).uniform(1 - height, 1, shape).astype(np.float32)
    codes = LinearEncoding().encode(maps)
    expected = lowered_everywhere(maps, codes)
    keep_maxima(maps, codes)
    np.testing.assert_array_equal(codes, expected)


def test_rounding_alone_makes_second_maxima():
    encoding = LinearEncoding()
    counts = [
        [maxima(encoding.decode(encode(blobs(seed, 4)))).sum() for seed in range(20)]
        for encode in (encoding.encode, encoding.encode_maps)
    ]
    assert sum(counts[0]) > sum(counts[1])


def test_many_images_are_kept_apart_and_equal_cells_stay_equal():
    maps = np.stack([blobs(seed, 3) for seed in range(4)])
    maps[0, 0, :2, :2] = 1
    codes = LinearEncoding().encode_maps(maps)
    assert (codes[0, 0, :2, :2] == 255).all()
    for image, expected in zip(maps, codes, strict=True):
        np.testing.assert_array_equal(LinearEncoding().encode_maps(image), expected)
