"""Which joints are seen, hidden, or not labelled at all."""

import numpy as np

from distill.synthetic import figure as f
from distill.synthetic.appearance import Outfit
from distill.synthetic.body import Body
from distill.synthetic.face import EAR_DIRECTIONS, EYE_DIRECTIONS, NOSE_DIRECTION
from distill.synthetic.paint import NOBODY, OVERSAMPLE

_FAR = 9.0
_THROUGH = 0.035
_FLESH = 0.1


def _tolerances() -> np.ndarray:
    """(17, PARTS) how far in front of a joint a part may lie without hiding it, standing heights."""
    table = np.full((17, f.PARTS), _THROUGH)
    table[:5, [f.HEAD]] = _FAR
    for side, shift in ((0, 0), (1, 1)):
        shoulder, elbow, wrist, hip, knee, ankle = (5 + side, 7 + side, 9 + side, 11 + side, 13 + side, 15 + side)
        table[shoulder, [f.TORSO, f.NECK, f.BACKPACK]] = _FLESH
        table[shoulder, f.LEFT_UPPER_ARM + shift] = _FAR
        table[elbow, [f.LEFT_UPPER_ARM + shift, f.LEFT_FOREARM + shift]] = _FAR
        table[wrist, [f.LEFT_FOREARM + shift, f.LEFT_HAND + shift]] = _FAR
        table[hip, f.TORSO], table[hip, f.PELVIS] = 0.12, 0.06
        table[[hip, knee, ankle], f.SKIRT] = 0.16
        table[[hip, knee], f.LEFT_THIGH + shift] = _FAR
        table[[knee, ankle], f.LEFT_SHANK + shift] = _FAR
        table[ankle, f.LEFT_FOOT + shift] = _FAR
    return table


_TOLERANCE = _tolerances()


def _face_limits(person: Body, outfit: Outfit) -> np.ndarray:
    """(5,) most visibility that nose, eyes and ears can have from the way the head is turned.

    Annotators mark what they see, guess what is only just turned away, and leave out the rest.
    """
    nose = person.facing(NOSE_DIRECTION)
    limits = [2 if nose > -0.3 else 1 if nose > -0.45 else 0]
    for direction in EYE_DIRECTIONS:
        eye = person.facing(direction)
        limits.append(2 if eye > 0.05 else 1 if eye > -0.15 else 0)
    covered = outfit.long_hair and not outfit.bald
    for direction in EAR_DIRECTIONS:
        ear = person.facing(direction)
        limits.append((1 if covered else 2) if ear > -0.45 else 1 if ear > -0.6 else 0)
    return np.array(limits)


def label(person: Body, outfit: Outfit, parts: list[f.Part], people_map: np.ndarray, number: int) -> np.ndarray:
    """COCO keypoints (17, 3) of a person: x, y, visibility; zeros where not labelled.

    Args:
        parts: the parts of the person as painted.
        people_map: (2H, 2W) uint8, which part of whom is seen, `NOBODY` elsewhere.
        number: of the person in that map.
    """
    points = person.points[:17]
    height, width = people_map.shape
    cells = np.floor(points * OVERSAMPLE).astype(int)
    inside = (cells >= 0).all(1) & (cells[:, 0] < width) & (cells[:, 1] < height)
    cells = np.clip(cells, 0, (width - 1, height - 1))
    seen = people_map[cells[:, 1], cells[:, 0]].astype(int)
    owner, part = seen // f.PARTS, seen % f.PARTS
    depth = np.full(f.PARTS, np.inf)
    for each in parts:
        depth[each.number] = each.depth
    own = (seen != NOBODY) & (owner == number)
    in_front = person.depth[:17] - depth[part]
    visible = own & (in_front <= _TOLERANCE[np.arange(17), part])
    state = np.where(visible, 2, 1)
    state[:5] = np.minimum(state[:5], _face_limits(person, outfit))
    state[~inside] = 0
    return np.concatenate([points * (state > 0)[:, None], state[:, None]], 1)
