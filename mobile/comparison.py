"""An exported model against the network that it was made from."""

from collections import defaultdict

import numpy as np
import torch
from torch import nn

from mobile.errors import ExportError
from mobile.exported_model import ExportedModel
from mobile.peaks import PeakModel, comparable


def compare(
    model: ExportedModel, module: nn.Module, photographs: np.ndarray, tolerance: float | None, name: object
) -> tuple[dict[str, float], dict[str, float]]:
    """Largest and mean absolute error by output.

    Args:
        module: what it was made from: image (1, H, W, 3) RGB 0..255 to a dict of outputs.
        photographs: (N, H, W, 3) uint8 RGB.
        tolerance: largest error that is accepted, of an output's largest magnitude where that is above 1; None: any.
        name: what the error calls the model.

    Raises:
        ExportError: an output is missing, of another shape, no number, or differs by more than `tolerance`.
    """
    worst, total, scales = defaultdict(list), defaultdict(list), defaultdict(lambda: [1.0])
    for photograph in photographs:
        found = model(photograph[None])
        with torch.inference_mode():
            tensors = module(torch.from_numpy(photograph[None]).float())
        wanted = {key: value.numpy() for key, value in tensors.items()}
        if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in wanted.items()}:
            raise ExportError(f"{name} is not written: the model's outputs are {sorted(found)} instead of torch's")
        if isinstance(module, PeakModel):
            found, wanted = comparable(found, wanted)
        for key, value in wanted.items():
            difference = np.abs(found[key] - value)
            worst[key].append(difference.max())
            total[key].append(difference.mean())
            scales[key].append(np.abs(value).max())
    errors = {key: float(np.max(values)) for key, values in worst.items()}
    for key, error in errors.items():
        scale = float(np.max(scales[key]))
        limit = np.finfo(np.float64).max if tolerance is None else tolerance * scale
        # Not `>`: it would accept an output that is not a number.
        if not error <= limit:
            allowed = "" if tolerance is None else f", tolerance {tolerance:.2g} of {scale:.3g}"
            raise ExportError(f"{name} is not written: {key} differs from torch by {error:.2g}{allowed}")
    return errors, {key: float(np.mean(values)) for key, values in total.items()}
