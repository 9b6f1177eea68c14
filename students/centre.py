"""The centre student: persons from their centres, with nothing to assign when decoding."""

from collections.abc import Mapping
from typing import Literal

from students.attention import AttentionStudent, attention
from students.registry import register


@register(
    "centre",
    short={f"centre_{size}": {"size": size} for size in ("xs", "s", "m")},
    outputs=("heatmaps", "centre", "attention"),
)
def centre(
    outputs: Mapping[str, int],
    *,
    size: Literal["xs", "s", "m", "lite0"] = "xs",
    large_kernel: bool = True,
    depth: int | None = None,
    pretrained: bool = False,
) -> AttentionStudent:
    """An attention student that gives centres and offsets instead of tags, and looks far: an offset spans a person.

    Args:
        outputs: channels by output name.
        size: as of the attention student.
        large_kernel: let the neck end in a 7x7 depthwise and a 1x1 convolution instead of a dense 3x3 one.
        depth: 3x3 convolutions of the keypoint branch; by default the size's.
        pretrained: start a timm backbone from ImageNet weights.

    Raises:
        ValueError: an option does not fit the others.
    """
    return attention(outputs, size=size, large_kernel=large_kernel, depth=depth, pretrained=pretrained)
