"""Exported models for ExecuTorch, through XNNPACK; they need the extra: pip install "pose-distill[executorch]"."""

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mobile import metadata
from mobile.errors import ExportError
from mobile.exported_model import ExportedModel
from mobile.quiet import quiet

_METHOD = "forward"
_FLATC = "FLATC_EXECUTABLE"


class ExecuTorchModel(ExportedModel):
    """An exported model: images (B, H, W, 3) RGB 0..255 to a dict of outputs (B, ...) by name.

    Args:
        path: the .pte; the JSON that was written with it lies beside it.
        num_threads: threads of one run, which all models of a process share.

    Raises:
        ExportError: the extra is not installed, the file is no model, its JSON is missing, or the two do not belong
            together.
        OSError: the file cannot be read.
    """

    delegation = None

    def __init__(self, path: Path, num_threads: int = 1):
        super().__init__(path)
        runtime = _runtime()
        with quiet():
            from executorch.extension.pybindings import portable_lib

            portable_lib._unsafe_reset_threadpool(num_threads)
            try:
                self._program = runtime.Runtime.get().load_program(self.content)
                self._method = self._program.load_method(_METHOD)
            except RuntimeError as error:
                reason = next(iter(str(error).strip().splitlines()), "")
                raise ExportError(f"{path} is no model that ExecuTorch can load ({reason})") from None
        self._outputs = [output["name"] for output in self.metadata["outputs"]]

    def __call__(self, images: np.ndarray | Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        images = torch.from_numpy(np.ascontiguousarray(self._checked(images))).float()
        # What a run gives lies in memory that the next one takes.
        runs = [[value.numpy().copy() for value in self._method.execute([image[None]])] for image in images]
        return {name: np.concatenate([run[i] for run in runs]) for i, name in enumerate(self._outputs)}


def executorch_of(module: nn.Module, input_size: tuple[int, int]) -> tuple[bytes, metadata.Ends]:
    """A module in evaluation mode as an ExecuTorch program, with its ends.

    Args:
        module: takes `image` (1, H, W, 3), gives a dict of tensors.
        input_size: (width, height), pixels.

    Raises:
        ExportError: the extra is not installed, or it holds something that the converter does not know.
    """
    _runtime()
    image = torch.zeros(1, input_size[1], input_size[0], 3)
    with torch.inference_mode():
        outputs = module(image)
    tool = Path(sys.executable).with_name("flatc")
    if tool.is_file():
        os.environ.setdefault(_FLATC, str(tool))
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import to_edge_transform_and_lower

            program = torch.export.export(module, (image,))
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            content = bytes(lowered.to_executorch().buffer)
    except Exception as error:  # the converter raises whatever its parts trip over
        reason = next(iter(str(error).strip().splitlines()), "")
        raise ExportError(f"the network cannot be converted to ExecuTorch: {type(error).__name__}: {reason}") from error
    described = {name: _detail(name, value, number) for number, (name, value) in enumerate(outputs.items())}
    return content, metadata.Ends("ExecuTorch program", _METHOD, _detail(metadata.INPUT, image, 0), described)


def _detail(name: str, value: torch.Tensor, number: int) -> dict[str, Any]:
    return {
        "name": name,
        "index": number,
        "shape": tuple(value.shape),
        "dtype": np.dtype(str(value.dtype).removeprefix("torch.")).type,
        "quantization": (0.0, 0),
    }


def _runtime() -> Any:
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import executorch.runtime
    except ImportError:
        raise ExportError('ExecuTorch needs its own package: pip install "pose-distill[executorch]"') from None
    return executorch.runtime
