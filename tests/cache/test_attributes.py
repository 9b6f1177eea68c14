from cache.attributes import differences


def test_nested_differences_are_named():
    found = {"a": 1, "b": {"c": [1, 2], "d": "x"}, "e": None}
    expected = {"a": 1, "b": {"c": (1, 2), "d": "y"}, "e": {"f": 3}}
    assert list(differences(found, expected)) == [("b.d", "x", "y"), ("e.f", None, 3)]


def test_what_only_the_store_has_does_not_count():
    assert list(differences({"a": 1, "more": 2}, {"a": 1})) == []
