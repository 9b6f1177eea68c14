"""A float .tflite in fewer bits."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mobile import metadata, peaks
from mobile.errors import ExportError
from mobile.quiet import quiet

PRECISIONS = ("float32", "float16", "int8", "int16x8", "dynamic_int8")
COMMON = tuple(name for name in PRECISIONS if name != "int16x8")
"What runtimes take over as a whole; 16-bit activations are of signal processors, and slow anywhere else."
RANGES = ("min_max", "moving_average")
TYPES = ("float32", "int8")
PIXELS = (0.0, 255.0)


@dataclass(frozen=True)
class Quantisation:
    """What the numbers of a model are stored and computed in."""

    precision: str = "float32"
    """`float16`: weights; `int8`: weights and activations; `int16x8`: weights of 8 and activations of 16 bits;
    `dynamic_int8`: weights, activations while a layer runs."""
    ranges: str = "min_max"
    "How int8 ranges follow from the calibration photographs: `min_max` of all, or their `moving_average`."
    io: str = "float32"
    "Type of input and outputs of int8: `float32` or `int8`."

    def __post_init__(self):
        for name, known in (("precision", PRECISIONS), ("ranges", RANGES), ("io", TYPES)):
            if getattr(self, name) not in known:
                raise ExportError(f"{name} {getattr(self, name)!r} is unknown; choose from {', '.join(known)}")

    @property
    def needs_photographs(self) -> bool:
        """Whether ranges must be learnt from photographs."""
        return self.precision in ("int8", "int16x8")


def quantise(
    content: bytes, quantisation: Quantisation, photographs: np.ndarray | None = None, keep_input: bool = True
) -> bytes:
    """A float32 model, as bytes of a .tflite, in another precision.

    Weights are int8 by output channel, activations int8 by tensor.

    Args:
        photographs: (N, H, W, channels) uint8 that show the ranges of the activations; int8 needs them.
        keep_input: whether the input stays float32 where the outputs do.

    Raises:
        ExportError: photographs are missing or the model cannot be quantised.
    """
    if quantisation.precision == "float32":
        return content
    if quantisation.needs_photographs and (photographs is None or not len(photographs)):
        raise ExportError(f"{quantisation.precision} needs photographs to calibrate with")
    try:
        with quiet():
            quantizer = _quantizer(content, quantisation, keep_input)
            ranges = _calibrate(content, quantizer, quantisation, photographs)
            result = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError) as error:
        raise ExportError(f"the model cannot be quantised to {quantisation.precision}: {error}") from error
    return bytes(result.quantized_model)


def _quantizer(content: bytes, quantisation: Quantisation, keep_input: bool) -> Any:
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.quantizer import AlgorithmName, Quantizer

    operations = qtyping.TFLOperationName
    quantizer = Quantizer(content)
    if quantisation.precision == "float16":
        half = qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        )
        quantizer.update_quantization_recipe(
            ".*", operations.ALL_SUPPORTED, half, algorithm_key=AlgorithmName.FLOAT_CASTING
        )
    elif quantisation.precision == "dynamic_int8":
        quantizer.add_dynamic_config(".*", operations.ALL_SUPPORTED, num_bits=8)
    else:
        bits = 16 if quantisation.precision == "int16x8" else 8
        quantizer.add_static_config(".*", operations.ALL_SUPPORTED, activation_num_bits=bits, weight_num_bits=8)
        if quantisation.io == "float32":
            for end in (operations.OUTPUT, *((operations.INPUT,) if keep_input else ())):
                quantizer.update_quantization_recipe(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
        # Eight bits are too few for the arithmetic of positions.
        quantizer.update_quantization_recipe(
            peaks.SCOPE, operations.ALL_SUPPORTED, algorithm_key=AlgorithmName.NO_QUANTIZE
        )
    return quantizer


def _calibrate(content: bytes, quantizer: Any, quantisation: Quantisation, photographs: np.ndarray | None) -> Any:
    """Ranges of the activations by tensor name, or None where none are needed."""
    if not quantisation.needs_photographs:
        return None
    from ai_edge_quantizer.calibrator import Calibrator
    from ai_edge_quantizer.recipe_manager import RecipeManager
    from ai_edge_quantizer.utils import qsv_utils

    recipe = RecipeManager()
    recipe.load_quantization_recipe(quantizer.get_quantization_recipe())
    update = {"min_max": qsv_utils.min_max_update, "moving_average": qsv_utils.moving_average_update}
    calibrator = Calibrator(content, num_threads=1, qsv_update_func=update[quantisation.ranges])
    samples = [{metadata.INPUT: photograph[None].astype(np.float32)} for photograph in photographs]
    calibrator.calibrate({metadata.SIGNATURE: samples}, recipe)
    ranges = calibrator.get_model_qsvs()
    # Photographs seldom show both black and white; with the whole range a pixel is its own int8 value.
    pixels = ranges[_input_tensor(content)]
    for end, value in zip(("min", "max"), PIXELS, strict=True):
        pixels[end] = np.full_like(pixels[end], value)
    return ranges


def _input_tensor(content: bytes) -> str:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=content).get_input_details()[0]["name"]
