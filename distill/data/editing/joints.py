"""Joints of several sets matched by name onto one skeleton."""

import re
from collections.abc import Mapping, Sequence

from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"l": "left", "r": "right"}


def plain_name(name: str) -> str:
    """A joint's name in the words of most sets: `L Big-Toe`, `lBigToe` and `big_toe_left` are `left_big_toe`."""
    words = [_SIDES.get(word.lower(), word.lower()) for word in _WORDS.findall(name)]
    sides = [word for word in words if word in _SIDES.values()]
    return "_".join([*sides, *(word for word in words if word not in sides)]) or name


def renamed(skeleton: Skeleton, names: Mapping[str, str]) -> Skeleton:
    """The skeleton with some joints under other names.

    Raises:
        InputError: two joints would have one name.
    """
    new = tuple(names.get(joint, joint) for joint in skeleton.joints)
    if new == skeleton.joints:
        return skeleton
    table = dict(zip(skeleton.joints, new, strict=True))
    plain = skeleton.plain()
    return Skeleton.from_plain(
        plain
        | {name: [table[joint] for joint in plain[name]] for name in ("joints", "grouping_order")}
        | {name: [[table[joint] for joint in pair] for pair in plain[name]] for name in ("flip_pairs", "limbs")},
        skeleton.name,
    )


def matched(skeleton: Skeleton, names: Sequence[str]) -> dict[str, str]:
    """New names of those joints that are called otherwise than one of the names and mean it; see `plain_name`."""
    by_plain = {plain_name(name): name for name in names}
    own = [plain_name(joint) for joint in skeleton.joints]
    if len(set(own)) < len(own) or len(by_plain) < len(names):
        return {}
    found = {joint: by_plain[plain] for joint, plain in zip(skeleton.joints, own, strict=True) if plain in by_plain}
    return {joint: name for joint, name in found.items() if joint != name}


def union(skeletons: Sequence[Skeleton]) -> Skeleton:
    """All joints, each once, in the order in which they first appear; one of the skeletons where it has them all.

    Pairs, limbs and sigmas are those of the first skeleton that has them.

    Raises:
        InputError: they pair joints differently.
    """
    joints = list(dict.fromkeys(joint for skeleton in skeletons for joint in skeleton.joints))
    for skeleton in skeletons:
        if len(skeleton) == len(joints):
            return skeleton
    pairs: dict[str, tuple[str, str]] = {}
    for skeleton in skeletons:
        for pair in skeleton.flip_pairs:
            if any(set(pairs.get(joint, pair)) != set(pair) for joint in pair):
                raise InputError(f"joints {pair[0]} and {pair[1]} are a pair in {skeleton.name} and not in another set")
            pairs |= dict.fromkeys(pair, pairs.get(pair[0], pair))
    sigmas = {
        joint: sigma
        for skeleton in reversed(skeletons)
        for joint, sigma in zip(skeleton.joints, skeleton.sigmas, strict=True)
    }
    limbs = {frozenset(limb): limb for skeleton in reversed(skeletons) for limb in skeleton.limbs}
    order = dict.fromkeys(joint for skeleton in skeletons for joint in skeleton.grouping_order)
    return Skeleton(
        name="_and_".join(dict.fromkeys(skeleton.name for skeleton in skeletons)),
        joints=tuple(joints),
        flip_pairs=tuple(dict.fromkeys(pairs.values())),
        sigmas=tuple(sigmas[joint] for joint in joints),
        limbs=tuple(limbs.values()),
        grouping_order=tuple(order),
    )
