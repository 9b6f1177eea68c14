"""What is inside a .tflite: any, not only ours."""

import math
import re
import struct
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobile import metadata
from mobile.errors import ExportError
from mobile.packed import ENTRY, unpack
from mobile.quiet import quiet
from mobile.runtime import Delegation, delegation, interpreter

_UNREADABLE = (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError, UnicodeDecodeError)
_SUMMED = {"CONV_2D": slice(1, 4), "DEPTHWISE_CONV_2D": slice(1, 3), "FULLY_CONNECTED": slice(1, 2)}
"Axes of the weights over which each value of an operator's result is a sum."


@dataclass(frozen=True)
class Tensor:
    """One array of the graph."""

    index: int
    "Number within its subgraph."
    name: str
    "Its name in the file."
    shape: tuple[int, ...]
    "Of the array; -1 where it may change."
    dtype: str
    "Type of its values."
    bytes: int
    "Of its content in the file; 0 for what is computed."
    quantisation: str
    "How integers become values; empty for others."

    @property
    def short_name(self) -> str:
        """The last parts of the name, without the modules that they come from."""
        parts = re.sub(r"[\w.]*\.", "", self.name.partition(";")[0]).strip("/").split("/")
        return "/".join(parts[-3:]) or self.name


@dataclass(frozen=True)
class Operator:
    """One step of the graph."""

    subgraph: int
    index: int
    "Number within its subgraph."
    name: str
    "Such as CONV_2D."
    version: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    bytes: int
    "Of the constants that it is the first to read."
    macs: int | None
    "Multiplications; None for operators that are not counted."


@dataclass(frozen=True)
class Subgraph:
    """A graph of the model; all but the first are called by operators."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class Summary:
    """A whole model."""

    path: Path
    bytes: int
    sha256: str
    description: str
    version: int
    "Of the file's schema."
    signatures: tuple[str, ...]
    subgraphs: tuple[Subgraph, ...]
    metadata: tuple[str, ...]
    "Names of what else the file carries."
    delegation: Delegation | None
    "On this host; None where its runtime cannot run the model."

    @property
    def operators(self) -> list[Operator]:
        """Those of all subgraphs."""
        return [operator for subgraph in self.subgraphs for operator in subgraph.operators]

    @property
    def macs(self) -> int:
        """Multiplications of the operators that are counted."""
        return sum(operator.macs or 0 for operator in self.operators)

    def kinds(self) -> list[tuple[str, tuple[int, ...], int, int]]:
        """Name, versions, count and constant bytes of each kind of operator, most frequent first."""
        counts = Counter(operator.name for operator in self.operators)
        versions, size = defaultdict(set), Counter()
        for operator in self.operators:
            versions[operator.name].add(operator.version)
            size[operator.name] += operator.bytes
        return [(name, tuple(sorted(versions[name])), count, size[name]) for name, count in counts.most_common()]

    def types(self) -> list[tuple[str, int, int, int]]:
        """Type, constants, their bytes and computed tensors, largest first."""
        tensors = [tensor for subgraph in self.subgraphs for tensor in subgraph.tensors]
        rows = []
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            own = [tensor for tensor in tensors if tensor.dtype == dtype]
            constants = [tensor for tensor in own if tensor.bytes]
            rows.append((dtype, len(constants), sum(t.bytes for t in constants), len(own) - len(constants)))
        return sorted(rows, key=lambda row: -row[2])


def summarise(path: Path) -> Summary:
    """Read a model.

    Raises:
        ExportError: the file is no .tflite, or damaged.
        OSError: it cannot be read.
    """
    path = Path(path)
    content = path.read_bytes()
    with quiet():
        from ai_edge_litert.tools import flatbuffer_utils

        if content[4:8] != b"TFL3":
            raise ExportError(f"{path} is no .tflite model: its identifier is not TFL3")
        try:
            model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
            subgraphs = _subgraphs(model)
        except _UNREADABLE:
            raise ExportError(f"{path} is damaged or truncated; get it again") from None
    return Summary(
        path=path,
        bytes=len(content),
        sha256=metadata.sha256(content),
        description=_text(model.description),
        version=model.version,
        signatures=tuple(_text(signature.signatureKey) for signature in model.signatureDefs or ()),
        subgraphs=subgraphs,
        metadata=(*(_text(entry.name) for entry in model.metadata or ()), *((ENTRY,) if unpack(content).text else ())),
        delegation=_delegation(content, path),
    )


def render(summary: Summary) -> str:
    """A summary as one HTML page that needs nothing else."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mobile"), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    largest = max((operator.bytes for operator in summary.operators), default=0)
    return environment.get_template("inspect.html").render(model=summary, largest=max(largest, 1))


def _delegation(content: bytes, path: Path) -> Delegation | None:
    try:
        return delegation(interpreter(content, 1, path))
    except ExportError:
        return None


def _subgraphs(model: Any) -> tuple[Subgraph, ...]:
    from ai_edge_litert.tools import flatbuffer_utils

    seen: set[int] = set()
    subgraphs = []
    for number, graph in enumerate(model.subgraphs):
        tensors = tuple(_tensor(index, tensor, model) for index, tensor in enumerate(graph.tensors or ()))
        operators = []
        for index, operator in enumerate(graph.operators or ()):
            inputs = tuple(tensors[i] for i in operator.inputs if i >= 0) if operator.inputs is not None else ()
            outputs = tuple(tensors[i] for i in operator.outputs) if operator.outputs is not None else ()
            code = model.operatorCodes[operator.opcodeIndex]
            name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) or "unknown"
            if name == "CUSTOM":
                name = f"CUSTOM {_text(code.customCode)}"
            size = 0
            for tensor in inputs:
                buffer = graph.tensors[tensor.index].buffer
                if tensor.bytes and buffer not in seen:
                    seen.add(buffer)
                    size += tensor.bytes
            operators.append(
                Operator(number, index, name, code.version, inputs, outputs, size, _macs(name, inputs, outputs))
            )
        ends = (tuple(tensors[i] for i in indices) for indices in (graph.inputs, graph.outputs))
        subgraphs.append(Subgraph(_text(graph.name), *ends, tensors, tuple(operators)))
    return tuple(subgraphs)


def _tensor(index: int, tensor: Any, model: Any) -> Tensor:
    from ai_edge_litert.tools import flatbuffer_utils

    shape = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
    data = model.buffers[tensor.buffer].data
    return Tensor(
        index=index,
        name=_text(tensor.name),
        shape=tuple(int(n) for n in (shape if shape is not None else ())),
        dtype=flatbuffer_utils.type_to_name(tensor.type).lower(),
        bytes=0 if data is None else len(data),
        quantisation=_quantisation(tensor.quantization),
    )


def _quantisation(parameters: Any) -> str:
    if parameters is None or parameters.scale is None or not len(parameters.scale):
        return ""
    scales = np.asarray(parameters.scale, np.float32)
    if len(scales) == 1:
        return f"scale {scales[0]:.4g}, zero {int(parameters.zeroPoint[0])}"
    return f"{len(scales)} scales {scales.min():.2g} to {scales.max():.2g} along axis {parameters.quantizedDimension}"


def _macs(name: str, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> int | None:
    """Multiplications of convolutions and matrix products."""
    if name == "TRANSPOSE_CONV":
        _, weights, values = inputs[:3]
        share = weights.shape[:3]
    elif name in _SUMMED:
        weights, values = inputs[1], outputs[0]
        share = weights.shape[_SUMMED[name]]
    else:
        return None
    return abs(math.prod(values.shape) * math.prod(share))


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
