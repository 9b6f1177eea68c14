"""Values as annotation tools write them: numbers as text, null for nothing, true for one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from distill.system.errors import InputError

LONGEST = 60
"Letters of a value that messages show."
_YES, _NO = {"1", "true", "yes", "1.0"}, {"0", "false", "no", "", "0.0", "none", "null"}


def whole_number(entry: Mapping[str, Any], field: str, owner: str) -> int:
    """A whole number of 64 bits, also where it stands as text or as 3.0.

    Args:
        owner: begins the message, such as "FILE: annotation 3".

    Raises:
        InputError: it is something else.
    """
    value = entry.get(field)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{owner} has no usable {field} ({value!r:.60}); give a whole number") from None
    if isinstance(value, bool) or (isinstance(value, float) and number != value) or not -(2**63) <= number < 2**63:
        raise InputError(f"{owner} has no usable {field} ({value!r:.60}); give a whole number of 64 bits")
    return number


def shown(value: object) -> str:
    """A value as messages name it: on one line, and not all of a long text."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def truth(value: object) -> bool | None:
    """Whether a flag is set, also where it is null, a number or text; None where it is none of these."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _YES else False if word in _NO else None
    return None


def numbers(values: Sequence[object], width: int | None = None) -> np.ndarray:
    """(N,) or (N, width) float64 of what may be numbers, lists of them, or anything else, which is not a number."""
    shape = (len(values),) if width is None else (len(values), width)
    try:
        array = np.array(values, dtype=np.float64)
        if array.shape == shape:
            return array
    except (TypeError, ValueError, OverflowError):
        pass
    if width is None:
        return np.array([number(value) for value in values], dtype=np.float64)
    rows = [
        [number(item) for item in value] if isinstance(value, list) and len(value) == width else [np.nan] * width
        for value in values
    ]
    return np.array(rows, dtype=np.float64).reshape(shape)


def number(value: object) -> float:
    """A value as a number, also where it stands as text; not a number (NaN) where it is none."""
    if isinstance(value, bool):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan
