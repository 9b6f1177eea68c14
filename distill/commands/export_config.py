"""What an export is told."""

from dataclasses import dataclass, field
from pathlib import Path

from distill.data.source import DataSource
from distill.networks.checkpoint import CheckpointInfo
from distill.pose.grouping import GroupingConfig
from distill.system.errors import InputError
from distill.system.sizes import Size, size_of
from mobile.formats import TFLITE, WRITTEN
from mobile.pixels import PIXELS, RGB, RGBA
from mobile.quantise import COMMON, PRECISIONS, RANGES, Quantisation

OUT = Path("student.tflite")
BEST_RANGES = "best"
_ENDINGS = dict(zip(("tflite", "onnx", "executorch", "coreml"), WRITTEN, strict=True))


@dataclass(frozen=True)
class ExportDataConfig(DataSource):
    """Photographs to check, to calibrate and to evaluate with."""

    split: str = "val2017"
    "Split to check on, with the photographs of lowest id, and to measure the AP on."
    train_split: str = "train2017"
    "Split that the photographs to calibrate int8 with are drawn from."
    train_annotations: Path | None = None
    "Annotation file of these photographs, where root's layout does not say."
    train_images: Path | None = None
    "Folder of these photographs, where root's layout does not say."
    choice: int = 200
    "Choose the best ranges of int8 on so many photographs of train_split, those of lowest id."

    def __post_init__(self):
        if self.choice < 1:
            raise InputError(f"data.choice must be at least 1, not {self.choice}")

    @property
    def to_learn_from(self) -> DataSource:
        """Where the training split is."""
        return self.other(self.train_split, self.train_annotations, self.train_images)


@dataclass(frozen=True)
class ExportConfig:
    """Write a checkpoint as a .tflite model, checked against torch, with a JSON that says how to use it."""

    model: Path
    "Checkpoint of distill-train (.safetensors)."
    out: Path = OUT
    """Model to write: .tflite, .onnx, .pte (ExecuTorch) or .mlpackage (Core ML, which nothing here can run and check),
    with a JSON of the same name beside it, or .safetensors, the weights alone in float16."""
    format: str = ""
    "tflite, onnx, executorch or coreml; by default as out ends."
    input_size: int | tuple[int, int] | None = None
    "Side of the model's square input, or its width and height, pixels, multiples of 32; by default as in the training."
    data: ExportDataConfig = field(default_factory=ExportDataConfig)
    "Photographs to check with."
    limit: int | None = None
    "Measure the AP on so many photographs, those of lowest id; all by default."
    photographs: int = 8
    "Number of photographs to check with."
    tolerance: float = 1e-3
    "Largest error that is accepted: absolute, or relative to the largest value of an output where that is above 1."
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    "Grouping of joints into persons that the JSON recommends."
    precision: list[str] = field(default_factory=lambda: ["float32"])
    """float32, float16, int8, dynamic_int8 or all of these, or int16x8, with activations of 16 bits; of several, the
    precision is appended to the name of the file."""
    ranges: str = BEST_RANGES
    "Ranges of int8 activations: min_max, moving_average, or the best by AP on train_split (without data.root min_max)."
    io: str = "float32"
    "Type of input and outputs of int8: float32 or int8."
    pixels: str = RGB
    """What a .tflite takes: rgb, or rgba, a bitmap's bytes as they are (uint8), with the normalisation in the weights
    of the first convolution."""
    calibration: int = 64
    "Number of photographs to calibrate int8 with."
    max_ap_drop: float | None = None
    """Points of AP that a precision may lose against float32; by default 0.5 for float16 and 2 for int8. Where no AP is
    measured, a precision whose persons agree with float32's by less than 0.7 of OKS is refused."""
    with_peaks: bool = False
    "Give the peaks of the maps instead of the maps; as many, in such a window, as grouping says."
    runs: int = 50
    "Runs to time each model with."
    sheet: Path | None = None
    "Picture to write, .png or .jpg: photographs with their annotation and the persons of each precision; of data.root."

    def __post_init__(self):
        self._check_format()
        self._check_pixels()
        known = (*PRECISIONS, "all")
        precisions = tuple(name.replace("-", "_") for name in self.precision)
        if not precisions or not set(precisions) <= set(known):
            raise InputError(f"precision {', '.join(self.precision)} is unknown; choose from {', '.join(known)}")
        if self.ranges not in (BEST_RANGES, *RANGES):
            raise InputError(f"ranges {self.ranges!r} is unknown; choose from {', '.join((BEST_RANGES, *RANGES))}")
        for name in ("calibration", "runs", "photographs", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        if self.max_ap_drop is not None and not self.max_ap_drop >= 0:
            raise InputError(f"max_ap_drop must be 0 or more, not {self.max_ap_drop}")
        if self.max_ap_drop is not None and not self.data.is_named:
            raise InputError("max_ap_drop needs data.root, the set to measure AP on")
        if self.sheet is not None and not self.data.is_named:
            raise InputError("sheet needs data.root, the set to draw photographs of")
        if self.sheet is not None and self.sheet.suffix not in (".png", ".jpg"):
            raise InputError(f"sheet {self.sheet} must end in .png or .jpg")
        if self.out.suffix not in (*_ENDINGS.values(), ".safetensors"):
            raise InputError(f"out {self.out} must end in {', '.join(_ENDINGS.values())} or .safetensors")
        if self.input_size is not None:
            size_of(self.input_size, "input_size", multiple=32)
        if not self.tolerance > 0:
            raise InputError(f"tolerance must be above 0, not {self.tolerance}")

    def _check_format(self):
        if self.format and self.format not in _ENDINGS:
            raise InputError(f"format must be {', '.join(_ENDINGS)}, not {self.format!r}")
        ending = _ENDINGS.get(self.format, self.out.suffix)
        if self.out == OUT:
            object.__setattr__(self, "out", OUT.with_suffix(ending))
        if self.out.suffix != ending:
            raise InputError(f"out {self.out} must end in {ending}, as format says")
        if ending in _ENDINGS.values() and ending != TFLITE and self.precision != ["float32"]:
            raise InputError(f"precision {', '.join(self.precision)} is of .tflite; {ending} is written in float32")

    def _check_pixels(self):
        if self.pixels not in PIXELS:
            raise InputError(f"pixels {self.pixels!r} is unknown; choose from {', '.join(PIXELS)}")
        if self.pixels == RGBA and self.out.suffix != TFLITE:
            raise InputError(f"pixels rgba is of .tflite; out {self.out} takes rgb")

    def size_for(self, info: CheckpointInfo) -> Size:
        """Width and height of the model's input, pixels."""
        return info.input_size if self.input_size is None else size_of(self.input_size, "input_size", multiple=32)

    @property
    def quantisations(self) -> list[tuple[Path, Quantisation]]:
        """Where to write which precision."""
        names = [name.replace("-", "_") for name in self.precision]
        chosen = [name for name in PRECISIONS if name in names or ("all" in names and name in COMMON)]
        ranges = RANGES[0] if self.ranges == BEST_RANGES else self.ranges
        paths = [self.out.with_stem(f"{self.out.stem}_{name}") for name in chosen] if len(chosen) > 1 else [self.out]
        return [
            (path, Quantisation(name, ranges, self.io if name == "int8" else "float32"))
            for path, name in zip(paths, chosen, strict=True)
        ]
