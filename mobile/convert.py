"""From a network to a float32 .tflite."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mobile import metadata
from mobile.errors import ExportError
from mobile.outputs import OutputInfo
from mobile.peaks import PeakModel
from mobile.quiet import quiet


class Exportable(nn.Module):
    """A network as a phone sees it: image (1, H, W, 3) RGB 0..255 to a dict of maps (1, h, w, C).

    Normalisation is inside, and so are the activations of the outputs.

    Args:
        network: (B, 3, H, W), normalised, to a dict of maps (B, C, h, w).
        mean, std: of RGB values 0..1; without them the network takes the image as it is, of any channels.
        outputs: what each of the maps is.
    """

    def __init__(
        self,
        network: nn.Module,
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
        outputs: Mapping[str, OutputInfo],
    ):
        super().__init__()
        self.network = network
        self.activations = {name: output.activation for name, output in outputs.items() if output.activation}
        self.normalises = mean is not None
        if self.normalises:
            self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32) * 255)
            self.register_buffer("factor", 1 / (torch.tensor(std, dtype=torch.float32) * 255))

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        if self.normalises:
            image = (image - self.mean) * self.factor
        maps = self.network(image.permute(0, 3, 1, 2))
        maps = maps | {name: activation(maps[name]) for name, activation in self.activations.items()}
        return {name: value.permute(0, 2, 3, 1) for name, value in maps.items()}


def folded(network: nn.Module) -> nn.Module:
    """The network with the normalisation behind each transposed convolution of a sequence folded into it, in place.

    The converter makes that a bias of four dimensions, of which the quantiser takes the wrong one for its channels.
    """
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for number, (layer, norm) in enumerate(pairwise(list(module))):
            if isinstance(layer, nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                module[number] = fuse_conv_bn_eval(layer, norm, transpose=True)
                module[number + 1] = nn.Identity()
    return network


def convert(module: nn.Module, path: Path, input_size: tuple[int, int], channels: int = 3) -> None:
    """Write a module in evaluation mode as .tflite.

    Args:
        module: takes `image` (1, H, W, channels).
        input_size: (width, height), pixels.

    Raises:
        ExportError: it holds something that the converter does not know.
    """
    image = torch.zeros(1, input_size[1], input_size[0], channels)
    try:
        with quiet():
            import litert_torch

            model = litert_torch.convert(module, sample_kwargs={metadata.INPUT: image})
            model.export(str(path))
    except Exception as error:  # the converter has no error class of its own
        name = type(_innermost(module)).__name__
        reason = next(iter(str(error).strip().splitlines()), "")
        raise ExportError(f"{name} cannot be converted: {type(error).__name__}: {reason}") from error


def _innermost(module: nn.Module) -> nn.Module:
    """The network that was handed over, without what the export put around it."""
    if isinstance(module, PeakModel):
        return _innermost(module.maps)
    return module.network if isinstance(module, Exportable) else module
