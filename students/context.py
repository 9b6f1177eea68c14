"""The context student: an attention student that looks around at every step of its neck."""

from collections.abc import Mapping

from students.attention import AttentionStudent, Gate
from students.backbone import make_backbone
from students.necks import DILATIONS, ContextNeck
from students.registry import register


@register("context", outputs=("heatmaps", "tags", "attention"))
def context(
    outputs: Mapping[str, int],
    *,
    backbone: str = "dense",
    width: float = 1.0,
    neck: int = 32,
    squeeze: bool = False,
    head: int = 32,
    depth: int = 1,
    gate: Gate = "one_plus_sigmoid",
    pretrained: bool = False,
) -> AttentionStudent:
    """An attention student whose neck is made of context-aware modules; see `students.necks.ContextAwareModule`.

    Args:
        outputs: channels by output name.
        backbone: dense, or timm's name of a network.
        width: factor of the dense backbone's channels.
        neck: channels of the map that fuses the backbone's, a multiple of 4.
        squeeze: let each module weigh its channels, which int8 does not take well.
        head: channels of the keypoint branch.
        depth: 3x3 convolutions of the keypoint branch.
        gate: what the attention multiplies the features by: 1 + sigmoid, which cannot erase a joint, sigmoid, or none.
        pretrained: start a timm backbone from ImageNet weights.

    Raises:
        ValueError: an option does not fit the others.
    """
    if neck % len(DILATIONS) or min(width, neck, head, depth) <= 0:
        raise ValueError(f"width, head and depth must be positive, and neck a multiple of {len(DILATIONS)}, not {neck}")
    body = make_backbone(backbone, width, pretrained=pretrained)
    return AttentionStudent(body, outputs, ContextNeck(body.channels, neck, squeeze), head, depth, gate)
