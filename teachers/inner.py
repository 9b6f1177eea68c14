"""Teachers that other teachers are made of."""

from collections.abc import Mapping
from typing import Any

from teachers.contract import Surroundings, Teacher, TeacherMaps, TeacherPersons
from teachers.registry import TEACHERS


def inner_teacher(surroundings: Surroundings, choice: Any, option: str, outer: str) -> Teacher:
    """The teacher that an option of another one names, as {name: ..., its options}.

    Args:
        option: what messages call it.
        outer: name of the teacher that asks, which is not taken again.

    Raises:
        ValueError: the name or an option is unknown, or one is missing.
    """
    options = dict(choice) if isinstance(choice, Mapping) else {"name": choice}
    name = options.pop("name", None)
    if name not in TEACHERS or name == outer:
        known = ", ".join(sorted(TEACHERS.keys() - {outer}))
        raise ValueError(f"{option}.name must be one of {known}, not {name!r}")
    try:
        return TEACHERS[name](surroundings, **options)
    except TypeError as error:
        raise ValueError(f"{option}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{option}.{error}") from None


def as_persons(surroundings: Surroundings, answer: TeacherMaps | TeacherPersons) -> TeacherPersons:
    """What a teacher answered as persons; maps are grouped."""
    return answer if isinstance(answer, TeacherPersons) else surroundings.group(answer)
