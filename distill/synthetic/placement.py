"""Where people stand in the picture: together, apart, or cut by the border."""

from random import Random

import numpy as np

from distill.synthetic.body import Body

_TRIES = 16
_CLOSEST = 0.55


def _box(body: Body) -> np.ndarray:
    """(4,) x0, y0, x1, y1 around the joints, with the flesh around them."""
    margin = 0.04 * float(body.scale.mean())
    return np.concatenate([body.points.min(0) - margin, body.points.max(0) + margin])


def _overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(M, N) IoU of M other boxes (M, 4) with N boxes (N, 4)."""
    low = np.maximum(boxes[None, :, :2], others[:, None, :2])
    high = np.minimum(boxes[None, :, 2:], others[:, None, 2:])
    shared = _areas(np.maximum(high - low, 0))
    whole = _areas(boxes[:, 2:] - boxes[:, :2]) + _areas(others[:, 2:] - others[:, :2])[:, None]
    return shared / (whole - shared)


def _areas(extents: np.ndarray) -> np.ndarray:
    return extents[..., 0] * extents[..., 1]


def _spots(span: np.ndarray, size: int, cut: bool, dice: Random) -> np.ndarray:
    """(_TRIES, 2) shifts of a box of the given extent (2,) whose corner is at the origin."""
    room = size - span
    draws = np.array([dice.random() for _ in range(2 * _TRIES)]).reshape(_TRIES, 2)
    if not cut:
        return np.where(room > 0, draws * room, (draws * 0.2 - 0.1) * span + room / 2)
    side = np.array([dice.randrange(4) for _ in range(_TRIES)])
    shifts = draws * room
    depth = span * (0.12 + 0.38 * draws)
    left, right, top, bottom = side == 0, side == 1, side == 2, side == 3
    shifts[left, 0] = -depth[left, 0]
    shifts[right, 0] = size - span[0] + depth[right, 0]
    shifts[top, 1] = -depth[top, 1]
    shifts[bottom, 1] = size - span[1] + depth[bottom, 1]
    return shifts


def place(bodies: list[Body], size: int, min_overlap: float, cut: float, dice: Random) -> None:
    """Move bodies to their places in a picture of size x size pixels.

    The first stands anywhere; each of the others takes, out of several places, the one whose mean overlap with
    those already placed comes nearest to a wish drawn from a range around 1.5 `min_overlap`.
    """
    placed: list[np.ndarray] = []
    for body in bodies:
        box = _box(body)
        span = box[2:] - box[:2]
        shifts = _spots(span, size, dice.random() < cut, dice)
        boxes = np.concatenate([shifts, shifts + span], 1)
        choice = 0
        if placed:
            overlaps = _overlaps(boxes, np.array(placed))
            wish = dice.uniform(0.0, 3.0) * min_overlap
            cost = abs(overlaps.mean(0) - wish) + 10 * np.maximum(overlaps.max(0) - _CLOSEST, 0)
            choice = int(cost.argmin())
        body.move(*(shifts[choice] - box[:2]))
        placed.append(boxes[choice])
