"""A network as a .tflite file with its JSON beside it, checked against torch before it counts."""

import copy
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mobile import metadata
from mobile.errors import ExportError
from mobile.quiet import quiet
from mobile.runtime import LiteRTModel, interpreter


@dataclass(frozen=True)
class ExportReport:
    """What came of an export."""

    path: Path
    "The model; its JSON lies beside it."
    bytes: int
    "Size of the model."
    max_error: dict[str, float]
    "Largest absolute difference from torch over all photographs, by output."
    milliseconds: float
    "Median time of one run on one thread of this host."


class Exportable(nn.Module):
    """A network as a phone sees it: image (1, H, W, 3) RGB 0..255 to a dict of maps (1, h, w, C).

    Normalisation is inside, and the attention is a probability.

    Args:
        network: (B, 3, H, W), normalised, to a dict of maps (B, C, h, w).
        mean, std: of RGB values 0..1.
    """

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32) * 255)
        self.register_buffer("factor", 1 / (torch.tensor(std, dtype=torch.float32) * 255))

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = self.network(((image - self.mean) * self.factor).permute(0, 3, 1, 2))
        if "attention" in maps:
            maps = maps | {"attention": maps["attention"].sigmoid()}
        return {name: value.permute(0, 2, 3, 1) for name, value in maps.items()}


def export(
    network: nn.Module,
    path: Path,
    *,
    input_size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    photographs: np.ndarray,
    letterbox: dict,
    skeleton: dict,
    grouping: dict,
    source: dict,
    tolerance: float = 1e-3,
) -> ExportReport:
    """Write `path` (.tflite) and the JSON beside it, after a check against torch.

    An output's error is its largest absolute difference from torch, divided by the largest magnitude of
    that output where this is above 1. Files appear under their names only when the check has passed.

    Args:
        network: returns a dict of maps (B, C, h, w); left as it is.
        input_size: (width, height), pixels.
        mean, std: normalisation the network expects, of RGB values 0..1.
        photographs: (N, height, width, 3) uint8 RGB, to check with.
        letterbox, skeleton, grouping, source: see `mobile.metadata.describe`.
        tolerance: largest error that is accepted.

    Raises:
        ExportError: the network cannot be converted or the error is above tolerance.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    if path.suffix != ".tflite":
        raise ExportError(f"{path} must end in .tflite")
    width, height = input_size
    if photographs.ndim != 4 or photographs.shape[1:] != (height, width, 3) or not len(photographs):
        raise ExportError(f"photographs must be (N, {height}, {width}, 3), not {photographs.shape}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        module = Exportable(copy.deepcopy(network).float().cpu(), mean, std).eval().requires_grad_(False)
        convert(module, draft, input_size)
        content = draft.read_bytes()
        description = metadata.describe(
            content,
            interpreter(content, 1, path),
            file_name=path.name,
            mean=mean,
            std=std,
            letterbox=letterbox,
            skeleton=skeleton,
            grouping=grouping,
            source=source,
        )
        metadata.write(metadata.metadata_path(draft), description)
        max_error, milliseconds = _check(module, LiteRTModel(draft), photographs, tolerance, path)
        description["check"] = {
            "photographs": len(photographs),
            "tolerance": tolerance,
            "max_error": max_error,
        }
        metadata.write(metadata.metadata_path(draft), description)
        metadata.metadata_path(draft).replace(metadata.metadata_path(path))
        draft.replace(path)
    return ExportReport(path, len(content), max_error, milliseconds)


def convert(module: nn.Module, path: Path, input_size: tuple[int, int]) -> None:
    """Write a module in evaluation mode as .tflite.

    Args:
        module: takes `image` (1, H, W, 3).
        input_size: (width, height), pixels.

    Raises:
        ExportError: it holds something that the converter does not know.
    """
    image = torch.zeros(1, input_size[1], input_size[0], 3)
    try:
        with quiet():
            import litert_torch

            model = litert_torch.convert(module, sample_kwargs={metadata.INPUT: image})
            model.export(str(path))
    except Exception as error:  # the converter has no error class of its own
        name = type(module.network).__name__ if isinstance(module, Exportable) else type(module).__name__
        reason = next(iter(str(error).strip().splitlines()), "")
        raise ExportError(f"{name} cannot be converted: {type(error).__name__}: {reason}") from error


def _check(
    module: nn.Module, model: LiteRTModel, photographs: np.ndarray, tolerance: float, path: Path
) -> tuple[dict[str, float], float]:
    """Largest absolute error by output, and median milliseconds of a run.

    Raises:
        ExportError: an output is missing, of another shape, or differs by more than `tolerance`.
    """
    errors, scales, times = {}, {}, []
    model(photographs[:1])
    for photograph in photographs:
        start = time.perf_counter()
        found = model(photograph[None])
        times.append(1000 * (time.perf_counter() - start))
        with torch.inference_mode():
            wanted = module(torch.from_numpy(photograph[None]).float())
        if {k: v.shape for k, v in found.items()} != {k: tuple(v.shape) for k, v in wanted.items()}:
            raise ExportError(f"{path} is not written: the model's outputs are {sorted(found)} instead of torch's")
        for name, value in wanted.items():
            error = float(np.abs(found[name] - value.numpy()).max())
            errors[name] = float(np.maximum(errors.get(name, 0.0), error))
            scales[name] = max(scales.get(name, 1.0), float(value.abs().max()))
    for name, error in errors.items():
        # Not `>`: it would accept an output that is not a number.
        if not error <= tolerance * scales[name]:
            raise ExportError(
                f"{path} is not written: {name} differs from torch by {error:.2g}, "
                f"tolerance {tolerance:.2g} of {scales[name]:.3g}"
            )
    return errors, statistics.median(times)
