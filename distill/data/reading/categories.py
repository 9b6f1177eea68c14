"""Which annotations are persons: those of the categories whose joints are the skeleton's.

Where one of these is called a person it is that one alone: some tools give a dog the same list of joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from distill.data.reading.findings import Findings
from distill.pose.skeleton import Skeleton, get_skeleton, shipped_names, with_defaults
from distill.system.errors import InputError

PERSON = "person"


@dataclass(frozen=True)
class Category:
    """What a data set says of one kind of thing it annotates."""

    id: int
    name: str
    joints: tuple[str, ...] = ()
    "Names in the order of the keypoints; none for things that have boxes alone."
    limbs: tuple[object, ...] = ()
    "Pairs of joints that are connected, by number from 1 as COCO has them; checked when they are used."


def person_categories(categories: Sequence[Category], skeleton: Skeleton, source: Path) -> Sequence[Category]:
    """Those whose joints are the skeleton's, in its order; of several those that are called a person, if any.

    Args:
        source: what messages name.

    Raises:
        InputError: none has these joints; the message says where they first differ.
    """
    persons = [category for category in categories if category.joints == skeleton.joints]
    if not persons:
        closest = _most_likely(_with_joints(categories, source))[0]
        raise InputError(
            f"{source}: {_difference(closest, skeleton)}; choose the set's own joints with --skeleton auto, or give "
            "a YAML file of them"
        )
    return _most_likely(persons)


def own_skeleton(categories: Sequence[Category], findings: Findings) -> Skeleton:
    """The skeleton that a set brings itself.

    Where its joints are those of a skeleton that ships, it is that one, sigmas and limbs included. Otherwise names and
    limbs are the set's, left and right pair by their names, and sigmas are the default.

    Args:
        findings: gets limbs that are left out; messages name its source.

    Raises:
        InputError: no category has joints, or several have different ones and none or several are called person.
    """
    source = findings.source
    candidates = _most_likely(_with_joints(categories, source))
    if len({category.joints for category in candidates}) > 1:
        names = ", ".join(category.name for category in candidates)
        raise InputError(
            f"{source}: categories {names} have different joints; give the skeleton of the one that is meant, by name "
            "or as a YAML file, instead of auto"
        )
    category = candidates[0]
    for name in shipped_names():
        if get_skeleton(name).joints == category.joints:
            return get_skeleton(name)
    limbs = _limbs(category, findings)
    name = f"{category.name}_{len(category.joints)}"
    return Skeleton.from_plain(with_defaults(category.joints, name=name, limbs=limbs), str(source))


def _with_joints(categories: Sequence[Category], source: Path) -> list[Category]:
    found = [category for category in categories if category.joints]
    if not found:
        raise InputError(f"{source} has no keypoints in its categories; give a person_keypoints file")
    return found


def _most_likely(categories: Sequence[Category]) -> Sequence[Category]:
    """Those that are called a person, or all where none is."""
    return [category for category in categories if category.name.lower() == PERSON] or categories


def _limbs(category: Category, findings: Findings) -> list[list[str]]:
    """The names of the two joints of each limb; numbers count from 0 where a 0 is among them."""
    pairs = [pair for pair in category.limbs if isinstance(pair, list) and len(pair) == 2]
    first = 0 if any(end == 0 for pair in pairs for end in pair) else 1
    numbers = range(first, first + len(category.joints))
    usable = [pair for pair in pairs if all(end in numbers for end in pair) and pair[0] != pair[1]]
    findings.add(
        f"limbs of category {category.name!r} that are no two joint numbers of {first} to {numbers[-1]} are not drawn",
        f"{next((pair for pair in category.limbs if pair not in usable), None)!r:.60}",
        len(category.limbs) - len(usable),
    )
    return [[category.joints[int(end) - first] for end in pair] for pair in usable]


def _difference(category: Category, skeleton: Skeleton) -> str:
    """Where the joints of a category first differ from a skeleton's, as part of a message."""
    pairs = zip_longest(category.joints, skeleton.joints)
    number, (own, wanted) = next((n, pair) for n, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
    joint = "nothing" if own is None else f"{own!r:.60}"
    other = "nothing" if wanted is None else repr(wanted)
    return (
        f"category {category.name!r:.60} has other joints than skeleton {skeleton.name}, joint {number} is {joint} "
        f"instead of {other}"
    )
