"""The teachers by name."""

from teachers.higher_hrnet import HigherHRNet

CONFIGS = {
    "higher_hrnet_w32": {"width": 32},
    "higher_hrnet_w48": {"width": 48},
    "higher_hrnet_demo": {
        **{"width": 32, "bottlenecks": 2, "bottleneck_width": 32},
        **{"modules": (1, 1, 1), "blocks": 1},
    },
}
"What each teacher is made of: the published ones, and the one whose weights ship with the package."


def create(name: str, num_keypoints: int) -> HigherHRNet:
    """A new teacher for K joints.

    Args:
        name: a key of `CONFIGS`.
        num_keypoints: K.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in CONFIGS:
        raise ValueError(f"teacher {name!r} is unknown; choose from {', '.join(CONFIGS)}")
    return HigherHRNet(num_keypoints=num_keypoints, **CONFIGS[name])


NETWORKS, SHORT = {}, {}


def load():
    pass
