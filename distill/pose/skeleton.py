"""Skeletons: what the joints of a person are called, how they pair and how precisely they are known."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import yaml

from distill.pose.skeleton_fields import DEFAULT_SIGMA, names, numbers, pairs, pairs_by_name, text
from distill.system.errors import InputError

SHIPPED = Path(__file__).with_name("skeletons")
"Folder of the skeletons that have a name."
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Skeleton:
    """The joints of one annotation scheme, in the order of its keypoint arrays.

    Raises:
        InputError: a field is inconsistent with the names.
    """

    name: str
    "Identifier written into stores, checkpoints and exports."
    joints: tuple[str, ...]
    "K joint names, in channel order."
    flip_pairs: tuple[tuple[str, str], ...]
    "Left and right joints that change places when a photograph is mirrored."
    sigmas: tuple[float, ...]
    "OKS standard deviation of each joint, as a fraction of the square root of the person's area."
    limbs: tuple[tuple[str, str], ...]
    "Joints connected by a line in drawings."
    grouping_order: tuple[str, ...]
    "Order in which grouping visits the joints: the steadiest first."

    def __post_init__(self):
        known = set(self.joints)
        if not known:
            raise InputError(f"skeleton {self.name}: joints is empty; name at least one")
        if len(known) != len(self.joints):
            raise InputError(f"skeleton {self.name}: a name in joints occurs twice")
        if len(self.sigmas) != len(self.joints) or not all(0 < sigma < np.inf for sigma in self.sigmas):
            raise InputError(f"skeleton {self.name}: sigmas needs {len(known)} positive values")
        if sorted(self.grouping_order) != sorted(self.joints):
            raise InputError(f"skeleton {self.name}: grouping_order must hold every joint once")
        for field in ("flip_pairs", "limbs"):
            for pair in getattr(self, field):
                if unknown := set(pair) - known:
                    raise InputError(f"skeleton {self.name}: {field} names unknown joint {min(unknown)}")
                if pair[0] == pair[1]:
                    raise InputError(f"skeleton {self.name}: {field} joins {pair[0]} to itself")
        paired = [joint for pair in self.flip_pairs for joint in pair]
        if len(set(paired)) != len(paired):
            raise InputError(f"skeleton {self.name}: a joint stands in two of flip_pairs")

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def flip_index(self) -> np.ndarray:
        """(K,) int64: channel k of a mirrored photograph shows joint flip_index[k] of the original."""
        index = np.arange(len(self))
        for left, right in self.flip_pairs:
            a, b = self.joints.index(left), self.joints.index(right)
            index[a], index[b] = b, a
        return index

    @cached_property
    def limb_index(self) -> np.ndarray:
        """(L, 2) int64: the joints at the two ends of each limb."""
        index = [[self.joints.index(name) for name in limb] for limb in self.limbs]
        return np.array(index, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def tree(self) -> np.ndarray:
        """(K - 1, 2) int64: edges from parent to child that reach every joint, breadth first along the limbs.

        It begins at the first joint of the grouping order; a joint that no limb leads to hangs from the one before it
        in that order.
        """
        limbs = self.limb_index.tolist()
        order = self.grouping_index.tolist()
        reached, edges = [order[0]], []
        while len(reached) < len(self):
            for parent in reached:
                for one, two in limbs:
                    child = two if one == parent else one if two == parent else parent
                    if child not in reached:
                        reached.append(child)
                        edges.append((parent, child))
            if len(reached) < len(self):
                at = next(i for i, joint in enumerate(order) if joint not in reached)
                edges.append((order[at - 1], order[at]))
                reached.append(order[at])
        return np.array(edges, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def grouping_index(self) -> np.ndarray:
        """(K,) int64: joint numbers in `grouping_order`."""
        return np.array([self.joints.index(name) for name in self.grouping_order])

    def plain(self) -> dict[str, Any]:
        """All fields as lists, numbers and text, ready for JSON or YAML; `from_plain` reads it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            **values,
            **{field: list(values[field]) for field in ("joints", "sigmas", "grouping_order")},
            **{field: [list(pair) for pair in values[field]] for field in ("flip_pairs", "limbs")},
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any], source: str = "skeleton") -> Self:
        """The skeleton that `plain` gave.

        Args:
            source: where the values come from, such as a file; messages begin with it.

        Raises:
            InputError: a field is missing, unknown or of another type, or does not fit the joints.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping):
            raise InputError(f"{source}: a skeleton is a mapping with {', '.join(known)}")
        if missing := [name for name in known if name not in values]:
            raise InputError(f"{source}: {missing[0]} is missing")
        if unknown := [name for name in values if name not in known]:
            raise InputError(f"{source}: {unknown[0]} is no field of a skeleton; its fields are {', '.join(known)}")
        read = {
            "name": text,
            "joints": names,
            "flip_pairs": pairs,
            "sigmas": numbers,
            "limbs": pairs,
            "grouping_order": names,
        }
        plain = {name: read[name](values[name], f"{source}: {name}") for name in known}
        try:
            return cls(**plain)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None


def shared_joints(own: Skeleton, other: Skeleton) -> list[tuple[int, int, str]]:
    """Joints that two skeletons call the same: number in `own`, number in `other`, name; in the order of `own`."""
    return [(k, other.joints.index(name), name) for k, name in enumerate(own.joints) if name in other.joints]


def get_skeleton(name_or_path: str | Path) -> Skeleton:
    """A skeleton that ships, by its name, or that of a YAML file, by its path.

    Raises:
        InputError: neither is there, or the file holds something else; see `read_skeleton`.
    """
    if Path(name_or_path).suffix in _ENDINGS:
        return read_skeleton(Path(name_or_path))
    if name_or_path not in shipped_names():
        raise InputError(
            f"skeleton {str(name_or_path)!r} is unknown; choose from {', '.join(shipped_names())}, or give the path of "
            "a YAML file"
        )
    return _shipped(str(name_or_path))


@cache
def shipped_names() -> tuple[str, ...]:
    """Names of the skeletons that ship, sorted."""
    return tuple(sorted(file.stem for file in SHIPPED.glob("*.yaml")))


def read_skeleton(path: Path) -> Skeleton:
    """The skeleton in a YAML file: a mapping with the fields of `Skeleton`, of which only `joints` must be there.

    `name` is the file's own by default, `flip_pairs` come from left and right in the names (see `pairs_by_name`),
    `limbs` are none, `sigmas` are `DEFAULT_SIGMA`, and grouping goes in the order of `joints`.

    Raises:
        InputError: the file is missing or no YAML, or a field is unknown or wrong.
    """
    try:
        values = yaml.safe_load(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"skeleton file {path} does not exist") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no YAML ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict) or "joints" not in values:
        raise InputError(f"{path}: joints is missing; list the names of the joints under it")
    joints = names(values["joints"], f"{path}: joints")
    return Skeleton.from_plain(with_defaults(joints, name=path.stem) | values, str(path))


def with_defaults(joints: tuple[str, ...], **given: Any) -> dict[str, Any]:
    """The fields of a skeleton of these joints, all but its name; see `read_skeleton`. What is given stands."""
    defaults = {
        "joints": joints,
        "flip_pairs": pairs_by_name(joints),
        "sigmas": (DEFAULT_SIGMA,) * len(joints),
        "limbs": (),
        "grouping_order": joints,
    }
    return defaults | given


@cache
def _shipped(name: str) -> Skeleton:
    return read_skeleton(SHIPPED / f"{name}.yaml")


COCO_17 = get_skeleton("coco_17")
COCO_FOOT_23 = get_skeleton("coco_foot_23")
MPII_16 = get_skeleton("mpii_16")
AI_CHALLENGER_14 = get_skeleton("ai_challenger_14")
LSP_14 = get_skeleton("lsp_14")
