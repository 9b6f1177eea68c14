"""Every network of the project by name, teachers and students alike."""

from torch import nn

import students.registry
import teachers.registry
from distill.errors import InputError

REGISTRIES = (teachers.registry, students.registry)


def names() -> list[str]:
    """All names that `create` takes."""
    return [name for registry in REGISTRIES for name in registry.CONFIGS]


def create(name: str, num_keypoints: int, **options) -> nn.Module:
    """A new network for K joints.

    Raises:
        InputError: no network has that name.
    """
    for registry in REGISTRIES:
        if name in registry.CONFIGS:
            return registry.create(name, num_keypoints, **options)
    raise InputError(f"model {name!r} is unknown; choose from {', '.join(names())}")
