"""Exported models as ONNX, run by onnxruntime; they need the extra: pip install "pose-distill[onnx]"."""

import tempfile
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

OPSET = 18
"Version of the operators: what onnxruntime has read since 1.14."
_TYPES = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}


class OnnxModel(ExportedModel):
    """An exported model: images (B, H, W, 3) RGB 0..255 to a dict of outputs (B, ...) by name.

    Args:
        path: the .onnx; the JSON that was written with it lies beside it.
        num_threads: threads of one run.

    Raises:
        ExportError: the extra is not installed, the file is no model, its JSON is missing, or the two do not belong
            together.
        OSError: the file cannot be read.
    """

    delegation = None

    def __init__(self, path: Path, num_threads: int = 1):
        super().__init__(path)
        self._session = _session(self.content, num_threads, self.path)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, images: np.ndarray | Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        images = self._checked(images)
        runs = [self._session.run(None, {metadata.INPUT: image[None].astype(np.float32)}) for image in images]
        return {name: np.concatenate([run[i] for run in runs]) for i, name in enumerate(self._outputs)}


def onnx_of(module: nn.Module, input_size: tuple[int, int]) -> tuple[bytes, metadata.Ends]:
    """A module in evaluation mode as an ONNX file, its outputs under their names, with its ends.

    Args:
        module: takes `image` (1, H, W, 3), gives a dict of tensors.
        input_size: (width, height), pixels.

    Raises:
        ExportError: the extra is not installed, or it holds something that the converter does not know.
    """
    _runtime()
    image = torch.zeros(1, input_size[1], input_size[0], 3)
    with torch.inference_mode():
        names = list(module(image))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            with quiet(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    module,
                    (image,),
                    path,
                    input_names=[metadata.INPUT],
                    output_names=names,
                    opset_version=OPSET,
                    dynamo=True,
                    external_data=False,
                    verbose=False,
                )
        except Exception as error:  # the converter raises whatever its parts trip over
            reason = next(iter(str(error).strip().splitlines()), "")
            raise ExportError(f"the network cannot be converted to ONNX: {type(error).__name__}: {reason}") from error
        content = path.read_bytes()
    return content, _ends(content)


def _ends(content: bytes) -> metadata.Ends:
    session = _session(content, 1, Path("the new .onnx"))
    (image,) = (_detail(value, 0) for value in session.get_inputs())
    outputs = {value.name: _detail(value, number) for number, value in enumerate(session.get_outputs())}
    return metadata.Ends("ONNX", None, image, outputs)


def _detail(value: Any, number: int) -> dict[str, Any]:
    if value.type not in _TYPES or not all(isinstance(side, int) for side in value.shape):
        raise ExportError(f"{value.name} is {value.type} of {value.shape}; it must be of fixed sides and a known type")
    return {
        "name": value.name,
        "index": number,
        "shape": tuple(value.shape),
        "dtype": _TYPES[value.type],
        "quantization": (0.0, 0),
    }


def _session(content: bytes, num_threads: int, path: Path) -> Any:
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = num_threads, 3
    try:
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises classes of its own
        reason = " ".join(str(error).split())[:160]
        raise ExportError(f"{path} is no model that onnxruntime can load ({reason})") from None


def _runtime() -> Any:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        raise ExportError('ONNX needs onnx, onnxruntime and onnxscript: pip install "pose-distill[onnx]"') from None
    return onnxruntime
