"""Networks in ONNX files, run by onnxruntime."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from teachers.errors import WeightsError


class OnnxNetwork:
    """A network from an ONNX file; it needs the extra: pip install "pose-distill[onnx]".

    Args:
        path: the file.
        device: a GPU is used where onnxruntime has a provider for it.
        inner: names of values inside the graph that are given behind its own outputs.

    Raises:
        WeightsError: the extra is not installed, or the file is missing, damaged or lacks an inner value.
    """

    def __init__(self, path: Path, device: torch.device, inner: Sequence[str] = ()):
        runtime, onnx = _imported()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path} cannot be read ({error.strerror}); name the network's .onnx file") from None
        self.sha256 = hashlib.sha256(content).hexdigest()
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
        wanted = ("CUDAExecutionProvider",) if device.type == "cuda" else ()
        providers = [name for name in (*wanted, "CPUExecutionProvider") if name in runtime.get_available_providers()]
        try:
            if inner:
                content = _with_outputs(onnx.load_model_from_string(content), inner, path)
            self._session = runtime.InferenceSession(content, options, providers=providers)
        except WeightsError:
            raise
        except Exception as error:  # The runtime and protobuf raise whatever their own code trips over.
            reason = " ".join(str(error).split())[:160]
            raise WeightsError(f"{path} is no readable ONNX network ({reason}); fetch or export it again") from None
        self.inputs = [(each.name, tuple(each.shape), each.type) for each in self._session.get_inputs()]
        self.outputs = [(each.name, tuple(each.shape or ())) for each in self._session.get_outputs()]

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """Outputs for the only input."""
        return self._session.run(None, {self.inputs[0][0]: values})


def _imported():
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise WeightsError('this teacher needs onnxruntime: pip install "pose-distill[onnx]"') from None
    return onnxruntime, onnx


def _with_outputs(model, names: Sequence[str], path: Path) -> bytes:
    known = {output for node in model.graph.node for output in node.output}
    if absent := [name for name in names if name not in known]:
        raise WeightsError(f"{path} has no value {absent[0]}, so it is another network; name the file that is meant")
    for name in names:
        model.graph.output.add().name = name
    return model.SerializeToString()
