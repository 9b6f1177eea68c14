"""A network as a .tflite file with its JSON beside it, checked against torch before it counts."""

import copy
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mobile import metadata
from mobile.comparison import compare
from mobile.convert import Exportable, convert, folded
from mobile.core_ml import UNCHECKED, content_of, replace_folder, write_package
from mobile.errors import ExportError
from mobile.formats import CORE_ML, FORMATS, load
from mobile.outputs import OutputInfo
from mobile.packed import pack
from mobile.peaks import PeakModel, PeakSettings
from mobile.pixels import RGB, RGBA, fold_normalisation, of_bytes, with_alpha
from mobile.quantise import Quantisation, quantise
from mobile.runtime import Delegation, LiteRTModel, interpreter

_FLOAT32 = Quantisation()


@dataclass(frozen=True)
class ExportReport:
    """What came of an export."""

    path: Path
    "The model; its JSON lies beside it."
    bytes: int
    "Size of the file."
    quantisation: Quantisation
    "What it is stored and computed in."
    max_error: dict[str, float]
    "Largest absolute difference from torch over all photographs, by output."
    mean_error: dict[str, float]
    "Mean absolute difference, by output."
    delegation: Delegation | None
    "How much of the graph this host's runtime delegates; None of other formats than .tflite."


class Exporter:
    """A network, converted once, that can be written in any precision, or as ONNX.

    Args:
        network: returns a dict of maps (B, C, h, w); left as it is.
        outputs: what each output of the network is.
        input_size: (width, height), pixels.
        mean, std: normalisation the network expects, of RGB values 0..1.
        photographs: (N, height, width, 3) uint8 RGB, to check with.
        letterbox, skeleton, grouping, source: see `mobile.metadata.describe`.
        tolerance: largest error of float32 that is accepted.
        peaks: give the peaks of the maps instead of the maps.
        pixels: what the .tflite takes: `rgb`, or `rgba`, a bitmap's bytes: see `mobile.pixels`.

    Raises:
        ExportError: the network cannot be converted, or its outputs are not those described.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        outputs: Mapping[str, OutputInfo],
        input_size: tuple[int, int],
        mean: Sequence[float],
        std: Sequence[float],
        photographs: np.ndarray,
        letterbox: dict,
        skeleton: dict,
        grouping: dict,
        source: dict,
        tolerance: float = 1e-3,
        peaks: PeakSettings | None = None,
        pixels: str = RGB,
    ):
        width, height = input_size
        if photographs.ndim != 4 or photographs.shape[1:] != (height, width, 3) or not len(photographs):
            raise ExportError(f"photographs must be (N, {height}, {width}, 3), not {photographs.shape}")
        network = folded(copy.deepcopy(network).float().cpu().eval().requires_grad_(False))
        maps = Exportable(network, mean, std, outputs)
        self._grids = _grids(maps, photographs[:1], outputs)
        self.photographs, self.tolerance, self.peaks, self.pixels = photographs, tolerance, peaks, pixels
        self.module = self.converted = self._finished(maps, outputs)
        if pixels == RGBA:
            network = copy.deepcopy(network)
            fold_normalisation(network, mean, std, input_size)
            self.converted = self._finished(Exportable(network, None, None, outputs), outputs)
        self._said = {
            "outputs": outputs,
            "mean": mean,
            "std": std,
            "letterbox": letterbox,
            "skeleton": skeleton,
            "grouping": grouping,
            "source": source,
        }
        self.input_size = input_size

    def _finished(self, maps: nn.Module, outputs: Mapping[str, OutputInfo]) -> nn.Module:
        return (maps if self.peaks is None else PeakModel(maps, self.peaks, outputs)).eval()

    @cached_property
    def content(self) -> bytes:
        """The float32 .tflite, whose input is float32 too."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "float32.tflite"
            convert(self.converted, path, self.input_size, 4 if self.pixels == RGBA else 3)
            return path.read_bytes()

    def write(
        self,
        path: Path,
        quantisation: Quantisation = _FLOAT32,
        calibration: np.ndarray | None = None,
        accept: Callable[[LiteRTModel], dict] = lambda model: {},
    ) -> ExportReport:
        """Write `path` (.tflite) and the JSON beside it, after a check against torch.

        An output's error is its largest absolute difference from torch, divided by the largest magnitude
        of that output where this is above 1. Files appear under their names only when the check has passed.

        Args:
            calibration: see `mobile.quantise.quantise`.
            accept: called with the finished model; what it returns stands in the JSON, what it raises
                keeps the files from appearing.

        Raises:
            ExportError: the model cannot be quantised, or the error of float32 is above tolerance.
            OSError: the folder cannot be written.
        """
        path = _checked(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = self._quantised(quantisation, calibration)
        ends = metadata.litert_ends(interpreter(content, 1, path))
        count = 0 if calibration is None else len(calibration)
        description = self._describe(content, ends, path, quantisation, count)
        return self._write(path, content, description, quantisation, accept)

    def _quantised(self, quantisation: Quantisation, calibration: np.ndarray | None) -> bytes:
        if self.pixels == RGB:
            return quantise(self.content, quantisation, calibration)
        shown = None if calibration is None else with_alpha(calibration)
        return of_bytes(quantise(self.content, quantisation, shown, keep_input=quantisation.precision != "int8"))

    def write_as(self, path: Path) -> ExportReport:
        """Write `path`, of another format as its ending says, and the JSON beside it, in float32.

        It is checked against torch by that format's runtime, but for Core ML, which nothing here runs.

        Raises:
            ExportError: the network cannot be converted, or the error is above tolerance.
            OSError: the folder cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == CORE_ML:
            return self._write_core_ml(path)
        content, ends = FORMATS[path.suffix].convert(self.module, self.input_size)
        return self._write(path, content, self._describe(content, ends, path, _FLOAT32, 0), _FLOAT32, lambda model: {})

    def _write_core_ml(self, path: Path) -> ExportReport:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            draft = Path(folder) / path.name
            ends = write_package(self.module, self.input_size, draft)
            description = self._describe(content_of(draft), ends, path, _FLOAT32, 0)
            size = sum(file.stat().st_size for file in draft.rglob("*") if file.is_file())
            description["model"]["bytes"] = size
            description["check"] = UNCHECKED
            metadata.write(metadata.metadata_path(draft), description)
            replace_folder(draft, path, Path(folder) / "former")
            metadata.metadata_path(draft).replace(metadata.metadata_path(path))
        return ExportReport(path, size, _FLOAT32, {}, {}, None)

    def _write(
        self,
        path: Path,
        content: bytes,
        description: dict,
        quantisation: Quantisation,
        accept: Callable[[LiteRTModel], dict],
    ) -> ExportReport:
        """Check a model against torch, and let it and its JSON appear."""
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            draft = Path(folder) / path.name
            draft.write_bytes(content)
            metadata.write(metadata.metadata_path(draft), description)
            model = load(draft)
            tolerance = self.tolerance if quantisation.precision == "float32" else None
            max_error, mean_error = compare(model, self.module, self.photographs, tolerance, path)
            description["check"] = {
                "photographs": len(self.photographs),
                "tolerance": tolerance,
                "max_error": max_error,
                "mean_error": mean_error,
                **accept(model),
            }
            metadata.write(metadata.metadata_path(draft), description)
            if path.suffix == ".tflite":
                draft.write_bytes(pack(content, description))
            metadata.metadata_path(draft).replace(metadata.metadata_path(path))
            draft.replace(path)
        return ExportReport(path, path.stat().st_size, quantisation, max_error, mean_error, model.delegation)

    def _describe(
        self, content: bytes, ends: metadata.Ends, path: Path, quantisation: Quantisation, calibration: int
    ) -> dict:
        precision = asdict(quantisation)
        if quantisation.needs_photographs:
            precision["calibration_photographs"] = calibration
        return metadata.describe(
            content,
            ends,
            file_name=path.name,
            precision=precision,
            peaks=None if self.peaks is None else self._grids[self.module.heatmaps] | asdict(self.peaks),
            **self._said,
        )


@torch.inference_mode()
def _grids(module: nn.Module, image: np.ndarray, outputs: Mapping[str, OutputInfo]) -> dict[str, dict[str, int | None]]:
    """Columns, rows and stride of the maps by name, for an image (1, H, W, 3).

    Raises:
        ExportError: other outputs than those described, or maps of another stride.
    """
    height, width = image.shape[1:3]
    maps = module(torch.from_numpy(image).float())
    if maps.keys() != outputs.keys():
        raise ExportError(f"the network's outputs are {', '.join(maps)}; described are {', '.join(outputs) or 'none'}")
    grids = {}
    for name, value in maps.items():
        rows, columns = value.shape[1:3]
        stride = outputs[name].stride
        if stride is not None and (columns * stride, rows * stride) != (width, height):
            raise ExportError(
                f"output {name} has {columns} x {rows} cells, which at a stride of {stride} is not the input's "
                f"{width} x {height} pixels"
            )
        grids[name] = {"columns": columns, "rows": rows, "stride": stride}
    return grids


def export(network: nn.Module, path: Path, **settings: Any) -> ExportReport:
    """Write a network as float32: `Exporter(network, **settings).write(path)`, with the path checked first.

    Raises:
        ExportError, OSError: see there.
    """
    _checked(path)
    return Exporter(network, **settings).write(path)


def _checked(path: Path) -> Path:
    path = Path(path)
    if path.suffix != ".tflite":
        raise ExportError(f"{path} must end in .tflite")
    return path
