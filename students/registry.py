"""The students by name."""

from students.attention import AttentionStudent
from students.backbone import DenseBackbone, TimmBackbone

CONFIGS = {
    "attention_xs": {
        "backbone": {"stem": 16, "channels": (32, 64, 64, 64), "blocks": (1, 1, 2, 2)},
        "neck": 32,
        "head": 32,
        "depth": 2,
    },
    "attention_s": {"backbone": "mobilenetv4_conv_small", "neck": 64, "head": 64, "depth": 3},
    "attention_m": {"backbone": "mobilenetv4_conv_medium", "neck": 64, "head": 64, "depth": 2},
}
"What each student is made of; a `backbone` given as text is a network of timm."


def create(name: str, num_keypoints: int, pretrained: bool = False, gate: str = "one_plus_sigmoid") -> AttentionStudent:
    """A new student for K joints.

    Args:
        name: a key of `CONFIGS`.
        num_keypoints: K.
        pretrained: start the timm backbone from ImageNet weights; `attention_xs` has none.
        gate: see `AttentionStudent`.

    Raises:
        ValueError: the name or the gate is unknown.
    """
    if name not in CONFIGS:
        raise ValueError(f"student {name!r} is unknown; choose from {', '.join(CONFIGS)}")
    config = dict(CONFIGS[name])
    backbone = config.pop("backbone")
    network = TimmBackbone(backbone, pretrained) if isinstance(backbone, str) else DenseBackbone(**backbone)
    return AttentionStudent(network, num_keypoints, gate=gate, **config)
