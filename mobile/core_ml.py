"""Core ML packages, written and not run: nothing but Apple's systems runs them; they need the extra `coreml`."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mobile import metadata
from mobile.errors import ExportError
from mobile.quiet import quiet

UNCHECKED = "none: only an Apple system runs it, so nothing compared its outputs with torch's"
"What the JSON of a package says in the place of a check."


class _Values(nn.Module):
    """A module's outputs without their names."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.module(image).values())


def write_package(module: nn.Module, input_size: tuple[int, int], path: Path) -> metadata.Ends:
    """Write a module in evaluation mode as an ML program of float32, for iOS 16 and macOS 13 on; returns its ends.

    Args:
        module: takes `image` (1, H, W, 3), gives a dict of tensors.
        input_size: (width, height), pixels.
        path: the folder to write, which must not be there.

    Raises:
        ExportError: the extra is not installed, or it holds something that the converter does not know.
    """
    tools = _tools()
    image = torch.zeros(1, input_size[1], input_size[0], 3)
    with torch.inference_mode():
        names = list(module(image))
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(_Values(module), (image,)).run_decompositions({})
            model = tools.convert(
                program,
                inputs=[tools.TensorType(name=metadata.INPUT, shape=tuple(image.shape))],
                outputs=[tools.TensorType(name=name) for name in names],
                minimum_deployment_target=tools.target.iOS16,
                compute_precision=tools.precision.FLOAT32,
                skip_model_load=True,
            )
            model.save(str(path))
    except Exception as error:  # the converter raises whatever its parts trip over
        reason = next(iter(str(error).strip().splitlines()), "")
        raise ExportError(f"the network cannot be converted to Core ML: {type(error).__name__}: {reason}") from error
    said = model.get_spec().description
    (given,) = (_detail(value, 0) for value in said.input)
    outputs = {value.name: _detail(value, number) for number, value in enumerate(said.output)}
    return metadata.Ends("Core ML package (ML program)", None, given, outputs)


def content_of(package: Path) -> bytes:
    """What a package's checksum is taken of: the name and the SHA-256 of every file, by name."""
    files = sorted(file for file in package.rglob("*") if file.is_file())
    lines = (
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(package).as_posix()}" for file in files
    )
    return "".join(f"{line}\n" for line in lines).encode()


def replace_folder(new: Path, path: Path, former: Path) -> None:
    """Put a folder in the place of another, which is moved to `former`, and back should that go wrong."""
    if path.is_dir():
        path.replace(former)
    try:
        new.replace(path)
    except BaseException:
        if former.is_dir():
            former.replace(path)
        raise


def _detail(value: Any, number: int) -> dict[str, Any]:
    kinds = {65568: np.float32, 131104: np.int32}
    array = value.type.multiArrayType
    return {
        "name": value.name,
        "index": number,
        "shape": tuple(array.shape),
        "dtype": kinds[array.dataType],
        "quantization": (0.0, 0),
    }


def _tools() -> Any:
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import coremltools
    except ImportError:
        raise ExportError('Core ML needs its tools: pip install "pose-distill[coreml]"') from None
    return coremltools
