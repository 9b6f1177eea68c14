"""The kinds of file that a model is exported as and run from here, by their ending."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from mobile.errors import ExportError
from mobile.executorch_model import ExecuTorchModel, executorch_of
from mobile.exported_model import ExportedModel
from mobile.metadata import Ends
from mobile.onnx_model import OnnxModel, onnx_of
from mobile.runtime import LiteRTModel

TFLITE, CORE_ML = ".tflite", ".mlpackage"


@dataclass(frozen=True)
class Format:
    """A kind of file beside .tflite, in float32."""

    convert: Callable[[nn.Module, tuple[int, int]], tuple[bytes, Ends]]
    "A module and its (width, height) to a file's content and its ends."
    load: Callable[[Path, int], ExportedModel]
    "A file and a number of threads to a model."


FORMATS = {".onnx": Format(onnx_of, OnnxModel), ".pte": Format(executorch_of, ExecuTorchModel)}
RUN = (TFLITE, *FORMATS)
"Endings of what this host can run."
WRITTEN = (*RUN, CORE_ML)
"Endings of what can be exported."


def load(path: Path, num_threads: int = 1) -> ExportedModel:
    """An exported model, ready to run.

    Raises:
        ExportError: nothing here runs such a file, or it is damaged or has no JSON.
        OSError: it cannot be read.
    """
    if path.suffix not in RUN:
        raise ExportError(f"{path} must end in {', '.join(RUN)} to be run here")
    return (LiteRTModel if path.suffix == TFLITE else FORMATS[path.suffix].load)(path, num_threads)
