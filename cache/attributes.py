"""Comparing nested attributes."""

from collections.abc import Iterator, Mapping


def differences(found: object, expected: Mapping, prefix: str = "") -> Iterator[tuple[str, object, object]]:
    """Dotted name, found value and expected value of every entry of `expected` that `found` lacks or has
    otherwise; entries that only `found` has do not count."""
    for key, value in expected.items():
        here = found.get(key) if isinstance(found, Mapping) else None
        value = list(value) if isinstance(value, tuple) else value
        if isinstance(value, Mapping):
            yield from differences(here, value, f"{prefix}{key}.")
        elif here != value:
            yield f"{prefix}{key}", here, value
