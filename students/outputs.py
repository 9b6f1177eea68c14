"""The last layers of students: a 1x1 convolution for each output."""

from collections.abc import Mapping

from torch import nn

SPREAD = {"tags": 0.1}
"Standard deviation of an output's first weights where it is not `_SMALL`: equal tags push each other with no force."
_SMALL = 0.01


def output_layers(outputs: Mapping[str, int], inputs: int) -> nn.ModuleDict:
    """A 1x1 convolution for each output, channels by name."""
    layers = nn.ModuleDict({name: nn.Conv2d(inputs, channels, 1) for name, channels in outputs.items()})
    for name, layer in layers.items():
        start(name, layer)
    return layers


def start(name: str, layer: nn.Conv2d) -> None:
    """Draw an output's first weights, in place, so that its maps begin near their empty background."""
    nn.init.normal_(layer.weight, std=SPREAD.get(name, _SMALL))
    nn.init.zeros_(layer.bias)


def check_size(height: int, width: int, stride: int) -> None:
    """Refuse an image whose sides are no multiples of a network's coarsest stride.

    Raises:
        ValueError: names the size.
    """
    if height % stride or width % stride:
        raise ValueError(f"image size {width}x{height} must be multiples of {stride}")
