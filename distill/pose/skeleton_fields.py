"""The fields of a skeleton as they come from a file: checked, or found by the names of the joints."""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from distill.system.errors import InputError

DEFAULT_SIGMA = 0.067
"OKS standard deviation of a joint of which nothing is known: the mean of COCO's 17."

_SEPARATOR = r"[\s_.\-]"
_LEFT_TO_RIGHT: tuple[tuple[re.Pattern, Callable[[re.Match], str]], ...] = (
    (re.compile("left", re.IGNORECASE), lambda match: _cased_like(match[0], "right")),
    (re.compile(rf"(?:^|(?<={_SEPARATOR}))l(?=$|{_SEPARATOR})", re.IGNORECASE), lambda m: _cased_like(m[0], "r")),
    (re.compile(r"^L|^l(?=[A-Z])|(?<=[a-z])L$"), lambda match: _cased_like(match[0], "r")),
)
"How names say left, and the same in right: `left`, `l_` or `_l` as a part of its own, `L` before or behind."


def text(value: Any, field: str) -> str:
    """A text of at least one letter, all printable; `field` begins the message of the InputError."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InputError(f"{field} holds {value!r} where a text is wanted; put printable letters in quotes")
    return value


def names(value: Any, field: str) -> tuple[str, ...]:
    """Joint names out of a list; `field` begins the message of the InputError."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{field} must be a list of joint names, not {value!r}")
    return tuple(text(name, field) for name in value)


def pairs(value: Any, field: str) -> tuple[tuple[str, str], ...]:
    """Pairs of joint names out of a list of lists; `field` begins the message of the InputError."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{field} must be a list of pairs of joint names, not {value!r}")
    found = tuple(names(pair, field) for pair in value)
    if wrong := [pair for pair in found if len(pair) != 2]:
        raise InputError(f"{field} holds {list(wrong[0])} where a pair of joint names is wanted")
    return found


def numbers(value: Any, field: str) -> tuple[float, ...]:
    """Numbers out of a list; `field` begins the message of the InputError."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{field} must be a list of numbers, not {value!r}")
    if wrong := [number for number in value if not _is_number(number)]:
        raise InputError(f"{field} holds {wrong[0]!r} where a number is wanted")
    return tuple(float(number) for number in value)


def pairs_by_name(joints: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Left and right joints whose names differ in that word alone.

    `left_elbow`, `left elbow`, `LeftElbow`, `elbow_left`, `l_elbow`, `L elbow`, `elbow_l`, `elbow.L`, `LElbow` and
    `Lelbow` all pair with what has `right`, `r` or `R` in the same place.
    """
    found, taken = [], set()
    for left in joints:
        for pattern, right_word in _LEFT_TO_RIGHT:
            right = pattern.sub(right_word, left)
            if right != left and right in joints and not {left, right} & taken:
                found.append((left, right))
                taken |= {left, right}
    return tuple(found)


def _is_number(value: Any) -> bool:
    """Whether it is a finite number that a float holds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _cased_like(sample: str, word: str) -> str:
    """The word in the case of the sample: lower, upper or with a capital."""
    if sample.isupper():
        return word.upper()
    return word.capitalize() if sample[0].isupper() else word
