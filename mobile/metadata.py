"""The JSON beside a model: all that another program needs to feed it and to read its maps."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobile.errors import ExportError
from mobile.outputs import OutputInfo
from mobile.packed import unpack

SCHEMA_VERSION = 1
SIGNATURE = "serving_default"
INPUT = "image"

_LETTERBOX = {
    "rule": (
        "the photograph is scaled with its aspect kept until it just fits the input, and centred; what it does "
        "not cover has the padding colour"
    ),
    "keep_aspect": True,
    "align": "centre",
    "photograph_to_input": {
        "explanation": (
            "x_input = scale * x_photograph + offset_x and y_input = scale * y_photograph + offset_y, in "
            "continuous pixels: pixel i covers i to i + 1 and its centre is i + 0.5"
        ),
        "scale": "min(input_width / photograph_width, input_height / photograph_height)",
        "offset_x": "(input_width - scale * photograph_width) / 2",
        "offset_y": "(input_height - scale * photograph_height) / 2",
        "matrix": [["scale", 0, "offset_x"], [0, "scale", "offset_y"]],
    },
    "sampling": (
        "the input pixel (column i, row j) takes the photograph at x = (i + 0.5 - offset_x) / scale, "
        "y = (j + 0.5 - offset_y) / scale"
    ),
    "large_photographs": (
        "while scale is 0.25 or less the photograph is first halved, each pixel the mean of two by two, an odd side's "
        "last pixel counting twice; positions and scale stay those of the photograph itself"
    ),
}

_COLOURS = {
    3: {"colour_order": "RGB"},
    4: {"colour_order": "RGBA", "alpha": "255 everywhere, also where the photograph does not reach"},
}

_CELLS = {
    "cell_to_input": "x_input = (column + 0.5) * stride, y_input = (row + 0.5) * stride",
    "several_heatmaps": "resized bilinearly to the finest of them, cell centres at + 0.5, and averaged",
    "input_to_photograph": "x = (x_input - offset_x) / scale, y = (y_input - offset_y) / scale",
}

_PEAKS = {
    "cell": "column = peak_cells % columns, row = peak_cells // columns (integer division)",
    "position": "x_input = (column + 0.5 + peak_shifts[0]) * stride, y_input = (row + 0.5 + peak_shifts[1]) * stride",
    "unused": "peak_values is 0 where a joint has fewer peaks",
}

_PEAK_KINDS = {
    "peak_values": "heatmap value of the peaks of joint k, highest first",
    "peak_cells": "cell of each peak",
    "peak_tags": "tag of each peak; joints of one person share it",
    "peak_shifts": "offset of each peak from the centre of its cell: x, y in cells",
}


def metadata_path(model: Path) -> Path:
    """Where the JSON of a model lies: the same name with the ending .json."""
    return model.with_suffix(".json")


def sha256(content: bytes) -> str:
    """Checksum of a model as its JSON states it."""
    return hashlib.sha256(content).hexdigest()


def model_sha256(model: Path) -> str:
    """Checksum of a model's file without a JSON that is packed behind it.

    Raises:
        OSError: it cannot be read.
    """
    return sha256(unpack(model.read_bytes()).model)


@dataclass(frozen=True)
class Ends:
    """Where a model is entered and left, as its runtime tells it."""

    format: str
    "What kind of file it is."
    signature: str | None
    "Name of the signature that is run, where the format has such."
    image: Mapping[str, Any]
    "Of the input: name, index, shape, dtype and quantization, a scale and a zero point."
    outputs: Mapping[str, Mapping[str, Any]]
    "The same of the outputs by name, in the order in which the runtime gives them."


def litert_ends(interpreter: Any) -> Ends:
    """The ends of a LiteRT interpreter's signature."""
    signature = interpreter.get_signature_runner(SIGNATURE)
    order = [detail["name"] for detail in interpreter.get_output_details()]
    outputs = sorted(signature.get_output_details().items(), key=lambda item: order.index(item[1]["name"]))
    image = signature.get_input_details()[INPUT]
    return Ends("LiteRT (TensorFlow Lite) flatbuffer", SIGNATURE, image, dict(outputs))


def describe(
    content: bytes,
    ends: Ends,
    *,
    file_name: str,
    outputs: Mapping[str, OutputInfo],
    mean: Sequence[float],
    std: Sequence[float],
    letterbox: dict,
    skeleton: dict,
    grouping: dict,
    source: dict,
    precision: dict,
    peaks: dict | None,
) -> dict:
    """All there is to say of a model, ready for JSON.

    Args:
        content: the model's file.
        ends: its input and outputs.
        file_name: name under which the model is stored.
        outputs: what each output of the network is.
        mean, std: normalisation inside the model, of RGB values 0..1.
        letterbox: `padding_rgb` and `interpolation`.
        skeleton: names and numbers of the joints.
        grouping: parameters of the grouping of joints into persons.
        source: what the model was made from.
        precision: how it was quantised.
        peaks: settings of `mobile.peaks` with the `columns`, `rows` and `stride` of the maps, for a model
            that gives peaks instead of maps.
    """
    height, width = (int(n) for n in ends.image["shape"][1:3])
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {
            "file": file_name,
            "sha256": sha256(content),
            "bytes": len(content),
            "format": ends.format,
            **({} if ends.signature is None else {"signature": ends.signature}),
        },
        "input": {
            **_tensor(INPUT, ends.image, position=0),
            "width": width,
            "height": height,
            **_COLOURS[int(ends.image["shape"][3])],
            "value_range": [0, 255],
            "normalisation": {
                "where": "inside the model: (value / 255 - mean) / std",
                "mean": [float(v) for v in mean],
                "std": [float(v) for v in std],
            },
        },
        "letterbox": _LETTERBOX | letterbox,
        "outputs": [
            _output(name, detail, position, outputs) for position, (name, detail) in enumerate(ends.outputs.items())
        ],
        "cells": _CELLS,
        **({} if peaks is None else {"peaks": _PEAKS | peaks}),
        "precision": precision,
        "skeleton": skeleton,
        "grouping": grouping,
        "source": source,
    }


def write(path: Path, metadata: dict) -> None:
    """Write the JSON."""
    path.write_text(json.dumps(metadata, indent=2) + "\n")


def is_described(model: Path) -> bool:
    """Whether a model has its JSON beside it or packed behind it.

    Raises:
        OSError: the model cannot be read.
    """
    return metadata_path(model).exists() or unpack(model.read_bytes()).text is not None


def read(model: Path) -> dict:
    """The JSON beside a model, or packed behind it where there is none beside.

    Raises:
        ExportError: it is missing, damaged or of another schema.
        OSError: the model cannot be read.
    """
    path = metadata_path(model)
    try:
        text, origin = path.read_text(), str(path)
    except FileNotFoundError:
        text, origin = unpack(model.read_bytes()).text, f"the JSON in {model}"
    except UnicodeDecodeError as error:
        raise ExportError(f"{path} is no JSON ({error}); export the model again") from None
    if text is None:
        raise ExportError(f"{path} is missing: it belongs to {model.name} and distill-export writes both") from None
    try:
        metadata = json.loads(text)
    except ValueError as error:
        raise ExportError(f"{origin} is no JSON ({error}); export the model again") from None
    version = metadata.get("schema_version") if isinstance(metadata, dict) else None
    if version != SCHEMA_VERSION:
        raise ExportError(f"{origin} has schema_version {version}, this program reads {SCHEMA_VERSION}")
    return metadata


def _tensor(name: str, detail: Mapping[str, Any], position: int) -> dict:
    return {
        "name": name,
        "tensor": detail["name"],
        "tensor_index": int(detail["index"]),
        "position": position,
        "shape": [int(n) for n in detail["shape"]],
        "dtype": detail["dtype"].__name__,
        "quantisation": _quantisation(detail),
        "layout": "NHWC",
    }


def _quantisation(detail: Mapping[str, Any]) -> dict | None:
    scale, zero_point = detail["quantization"]
    if not scale:
        return None
    return {
        "scale": float(scale),
        "zero_point": int(zero_point),
        "explanation": "value = (stored - zero_point) * scale; stored = value / scale + zero_point, rounded, clipped",
    }


def _output(name: str, detail: Mapping[str, Any], position: int, outputs: Mapping[str, OutputInfo]) -> dict:
    if name in _PEAK_KINDS:
        return {
            **_tensor(name, detail, position),
            "layout": "joint, peak" + ", axis" * (len(detail["shape"]) - 3),
            "kind": name,
            "meaning": _PEAK_KINDS[name],
        }
    output = outputs[name]
    stride = {} if output.stride is None else {"stride": output.stride}
    return {**_tensor(name, detail, position), "kind": output.kind, **stride, "meaning": output.meaning}
