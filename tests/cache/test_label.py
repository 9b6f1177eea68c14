import numpy as np

from cache.label import pad_persons, used_persons


def test_persons_survive_padding():
    rng = np.random.default_rng(0)
    persons = [rng.random((n, 4, 3)).astype(np.float32) for n in (2, 0, 3)]
    scores = [rng.random(n).astype(np.float32) for n in (2, 0, 3)]
    padded = pad_persons(persons, scores, 3, 4)
    assert padded["persons"].shape == (3, 3, 4, 3)
    for i in range(3):
        some, score = used_persons(padded["persons"][i], padded["person_score"][i])
        np.testing.assert_array_equal(some, persons[i])
        np.testing.assert_array_equal(score, scores[i])


def test_best_persons_are_kept_in_their_order():
    persons = np.arange(4, dtype=np.float32)[:, None, None] + np.ones((4, 2, 3), np.float32)
    padded = pad_persons([persons], [np.array([0.3, 0.9, 0.1, 0.5])], 2, 2)
    np.testing.assert_array_equal(padded["persons"][0], persons[[1, 3]])
    np.testing.assert_array_equal(padded["person_score"][0], np.float32([0.9, 0.5]))


def test_lists_without_persons():
    padded = pad_persons([[]], [[]], 2, 2)
    assert not padded["persons"].any()
