"""Skeletons: what the joints of a person are called, how they pair and how precisely they are known."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from distill.system.errors import InputError


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
        if len(known) != len(self.joints):
            raise InputError(f"skeleton {self.name}: a name in joints occurs twice")
        if len(self.sigmas) != len(self.joints) or min(self.sigmas) <= 0:
            raise InputError(f"skeleton {self.name}: sigmas needs {len(known)} positive values")
        if sorted(self.grouping_order) != sorted(self.joints):
            raise InputError(f"skeleton {self.name}: grouping_order must hold every joint once")
        for field in ("flip_pairs", "limbs"):
            for pair in getattr(self, field):
                if unknown := set(pair) - known:
                    raise InputError(f"skeleton {self.name}: {field} names unknown joint {min(unknown)}")

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
        return np.array([[self.joints.index(name) for name in limb] for limb in self.limbs])

    @cached_property
    def grouping_index(self) -> np.ndarray:
        """(K,) int64: joint numbers in `grouping_order`."""
        return np.array([self.joints.index(name) for name in self.grouping_order])


_COCO_JOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)

_COCO_LIMBS = (
    *(("left_ankle", "left_knee"), ("left_knee", "left_hip")),
    *(("right_ankle", "right_knee"), ("right_knee", "right_hip")),
    *(("left_hip", "right_hip"), ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip")),
    *(("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")),
    *(("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist")),
    *(("left_eye", "right_eye"), ("nose", "left_eye"), ("nose", "right_eye")),
    *(("left_eye", "left_ear"), ("right_eye", "right_ear")),
    *(("left_ear", "left_shoulder"), ("right_ear", "right_shoulder")),
)

COCO_17 = Skeleton(
    name="coco_17",
    joints=_COCO_JOINTS,
    flip_pairs=tuple((n, n.replace("left", "right")) for n in _COCO_JOINTS if n.startswith("left")),
    sigmas=(
        *(0.026, 0.025, 0.025, 0.035, 0.035),
        *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
        *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    ),
    limbs=_COCO_LIMBS,
    grouping_order=(*_COCO_JOINTS[:7], *_COCO_JOINTS[11:13], *_COCO_JOINTS[7:11], *_COCO_JOINTS[13:]),
)

SKELETONS = {COCO_17.name: COCO_17}


def get_skeleton(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
        InputError: no skeleton has that name.
    """
    if name not in SKELETONS:
        raise InputError(f"skeleton {name!r} is unknown; choose from {', '.join(SKELETONS)}")
    return SKELETONS[name]
