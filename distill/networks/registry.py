"""Every network of the project by name, teachers and students alike."""

from torch import nn

import students.registry
import teachers.higher_hrnet
import teachers.registry
from distill.system.errors import InputError


def names() -> list[str]:
    """All names that `create` takes."""
    return [*teachers.registry.SHORT, *students.registry.CONFIGS]


def create(name: str, num_keypoints: int, pretrained: bool = False) -> nn.Module:
    """A new network for K joints.

    Args:
        pretrained: start the backbone from ImageNet weights, which only students on timm backbones have.

    Raises:
        InputError: no network has that name, or it has no pretrained weights.
    """
    if name in students.registry.CONFIGS:
        return students.registry.create(name, num_keypoints, pretrained=pretrained)
    if pretrained:
        raise InputError(f"model {name} has no ImageNet weights; set pretrained to false")
    if name in teachers.registry.SHORT:
        return teachers.higher_hrnet.by_short_name(name, num_keypoints)
    raise InputError(f"model {name!r} is unknown; choose from {', '.join(names())}")
