"""Sizes of pictures: width and height, pixels."""

from collections.abc import Sequence

from distill.system.errors import InputError

Size = tuple[int, int]
"Width and height, pixels."


def size_of(value: int | Sequence[int], name: str, multiple: int = 1) -> Size:
    """Width and height from the side of a square or from both.

    Args:
        name: what messages call the value.
        multiple: both sides must be multiples of it.

    Raises:
        InputError: it is no such size.
    """
    sides = (value, value) if isinstance(value, int) else tuple(value)
    if len(sides) != 2 or any(not isinstance(side, int) or side < multiple or side % multiple for side in sides):
        kind = f"positive multiples of {multiple}" if multiple > 1 else "positive"
        raise InputError(f"{name} must be one side or width and height, {kind}, not {value}")
    return sides
