"""Bytes of a bitmap as a model's input: RGBA, whose alpha carries the normalisation into the first convolution.

(value / 255 - mean) / std is linear in the value, so it can stand in the weights, but for the zeros that pad the
border: they are the mean colour, which is no zero of bytes. A fourth channel that is 255 inside the picture, as a
bitmap's alpha is, and 0 in the padding subtracts the mean just where there is a picture, which is exact.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from mobile.errors import ExportError
from mobile.quiet import quiet

RGB, RGBA = "rgb", "rgba"
PIXELS = (RGB, RGBA)
OPAQUE = 255
_NAME = b"image_bytes"


def with_alpha(images: np.ndarray) -> np.ndarray:
    """Images (..., 3) as (..., 4), opaque."""
    return np.concatenate([images, np.full_like(images[..., :1], OPAQUE)], axis=-1)


def fold_normalisation(network: nn.Module, mean: Sequence[float], std: Sequence[float], size: tuple[int, int]) -> None:
    """Have a network take RGBA (B, 4, H, W) of 0..255 instead of RGB (B, 3, H, W), normalised; in place.

    Args:
        network: in evaluation mode.
        mean, std: of RGB values 0..1.
        size: (width, height) that it can be run at, pixels.

    Raises:
        ExportError: what reads the picture is not one convolution.
    """
    layer = _reader(network, size)
    weight = layer.weight.detach()
    means, factors = (torch.tensor(values, dtype=weight.dtype).reshape(1, 3, 1, 1) for values in (mean, std))
    weight = weight / (OPAQUE * factors)
    alpha = -(weight * means).sum(dim=1, keepdim=True)
    layer.weight = nn.Parameter(torch.cat([weight, alpha], dim=1), requires_grad=False)
    layer.in_channels = 4


@torch.inference_mode()
def _reader(network: nn.Module, size: tuple[int, int]) -> nn.Conv2d:
    """The one layer that a picture goes into.

    Raises:
        ExportError: there is none, there are several, or it is no plain convolution.
    """
    image = torch.zeros(1, 3, size[1], size[0])
    readers: list[nn.Module] = []

    def note(module: nn.Module, inputs: tuple):
        if any(value is image for value in inputs) and not list(module.children()):
            readers.append(module)

    hooks = [module.register_forward_pre_hook(note) for module in network.modules()]
    try:
        network(image)
    finally:
        for hook in hooks:
            hook.remove()
    first = readers[0] if len(readers) == 1 else None
    if isinstance(first, nn.Conv2d) and first.groups == 1 and first.padding_mode == "zeros":
        return first
    names = ", ".join(type(reader).__name__ for reader in readers) or "an operation of its own"
    raise ExportError(
        f"pixels rgba need a network whose first layer is one convolution, not {names}; export it with rgb"
    )


def of_bytes(content: bytes) -> bytes:
    """A .tflite whose one input is an image of float32 or int8, 0..255, as one that takes the same as uint8.

    Raises:
        ExportError: its input is of another type.
    """
    with quiet():
        from ai_edge_litert import schema_py_generated as schema
        from ai_edge_litert.tools import flatbuffer_utils

        model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
        graph = model.subgraphs[0]
        number = int(graph.inputs[0])
        given = graph.tensors[number]
        operators = {
            schema.TensorType.FLOAT32: schema.BuiltinOperator.CAST,
            schema.TensorType.INT8: schema.BuiltinOperator.QUANTIZE,
        }
        if given.type not in operators:
            kind = flatbuffer_utils.type_to_name(given.type).lower()
            raise ExportError(f"an input of {kind} cannot be one of bytes; export it in another precision")
        operator = schema.OperatorT()
        operator.opcodeIndex = _code(model, operators[given.type], schema)
        operator.inputs, operator.outputs = [len(graph.tensors)], [number]
        if given.type == schema.TensorType.FLOAT32:
            operator.builtinOptionsType = schema.BuiltinOptions.CastOptions
            operator.builtinOptions = schema.CastOptionsT()
            operator.builtinOptions.inDataType = schema.TensorType.UINT8
            operator.builtinOptions.outDataType = schema.TensorType.FLOAT32
        else:
            operator.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
            operator.builtinOptions = schema.QuantizeOptionsT()
        graph.tensors.append(_bytes_tensor(model, given, schema))
        graph.operators.insert(0, operator)
        graph.inputs[0] = len(graph.tensors) - 1
        for signature in model.signatureDefs:
            for end in signature.inputs:
                end.tensorIndex = graph.inputs[0] if end.tensorIndex == number else end.tensorIndex
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _code(model: Any, builtin: int, schema: Any) -> int:
    """Number of an operator's code in a model, added where it is not there."""
    for number, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return number
    code = schema.OperatorCodeT()
    code.builtinCode = builtin
    code.deprecatedBuiltinCode = min(builtin, 127)
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _bytes_tensor(model: Any, like: Any, schema: Any) -> Any:
    """A tensor of bytes of the same shape; quantised where the other is, with the same meaning."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = _NAME, like.shape, schema.TensorType.UINT8
    tensor.buffer = len(model.buffers)
    buffer = schema.BufferT()
    model.buffers.append(buffer)
    if like.type == schema.TensorType.INT8:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = list(like.quantization.scale)
        tensor.quantization.zeroPoint = [int(zero) + 128 for zero in like.quantization.zeroPoint]
    return tensor
