"""distill-export: a checkpoint as a .tflite model with its JSON."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from torch import nn

import distill
from distill.commands.cli import command
from distill.data.keypoint_set import KeypointSet
from distill.data.normalise import MEAN, STD
from distill.data.source import DataSource
from distill.deployment.agreement import Agreement
from distill.deployment.precision_sheet import draw_precisions
from distill.deployment.precision_table import precision_table
from distill.deployment.precisions import Variant, evaluation_on, write_variants
from distill.drawing.sheet import write_image
from distill.evaluation.predictor import letterboxed
from distill.heads.contract import split_key
from distill.heads.registry import decoding_head
from distill.networks.checkpoint import CheckpointInfo, load_network, save_for_shipping
from distill.networks.registry import strides_of
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton
from distill.synthetic import SceneConfig, draw_scene
from distill.system.errors import InputError
from distill.system.json_values import to_json_values
from distill.system.sizes import Size, size_of
from mobile import bench
from mobile.errors import ExportError
from mobile.export import Exporter, ExportReport
from mobile.outputs import HEATMAPS, TAGS, OutputInfo
from mobile.peaks import PeakSettings
from mobile.quantise import COMMON, PRECISIONS, RANGES, Quantisation
from mobile.runtime import LiteRTModel

OUT = Path("student.tflite")
SCENE_SIZES = (32, 512)
SCENE_SEED = 2024
CALIBRATION_SEED = 7
AGREEMENT_SCENES = 40
BEST_RANGES = "best"
_FILE_WIDTH = 160


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
    """Model to write: .tflite or .onnx, with a JSON of the same name beside it, or .safetensors, the weights alone in
    float16."""
    format: str = ""
    "tflite or onnx; by default as out ends."
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
        if self.out.suffix not in (".tflite", ".onnx", ".safetensors"):
            raise InputError(f"out {self.out} must end in .tflite, .onnx or .safetensors")
        if self.input_size is not None:
            size_of(self.input_size, "input_size", multiple=32)
        if not self.tolerance > 0:
            raise InputError(f"tolerance must be above 0, not {self.tolerance}")

    def _check_format(self):
        if self.format not in ("", "tflite", "onnx"):
            raise InputError(f"format must be tflite or onnx, not {self.format!r}")
        if self.format and self.out == OUT:
            object.__setattr__(self, "out", OUT.with_suffix(f".{self.format}"))
        if self.format and self.out.suffix != f".{self.format}":
            raise InputError(f"out {self.out} must end in .{self.format}, as format says")
        if self.out.suffix == ".onnx" and self.precision != ["float32"]:
            raise InputError(f"precision {', '.join(self.precision)} is of .tflite; an .onnx is written in float32")

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


def export_checkpoint(config: ExportConfig) -> ExportReport:
    """Export as configured.

    Raises:
        InputError: the checkpoint or the photographs cannot be read.
        ExportError: the network cannot be converted or differs from torch.
    """
    network, info = load_network(config.model)
    return export_network(network, info, config)


def export_network(network: nn.Module, info: CheckpointInfo, config: ExportConfig) -> ExportReport:
    """Export a network that is already in memory as float32; `config.model` only names its origin.

    Raises:
        InputError, ExportError: as `export_checkpoint`.
    """
    exporter = _exporter(network, info, config)
    return exporter.write_onnx(config.out) if config.out.suffix == ".onnx" else exporter.write(config.out)


def export_variants(config: ExportConfig) -> list[Variant]:
    """Export in every precision that is asked for; what loses too much AP is not written.

    Raises:
        InputError, ExportError: as `export_checkpoint`.
    """
    network, info = load_network(config.model)
    exporter = _exporter(network, info, config)
    skeleton, size = info.skeleton, config.size_for(info)
    wanted = config.quantisations
    calibration = evaluation = choice = None
    if any(quantisation.needs_photographs for _, quantisation in wanted):
        calibration = _calibration(config, size, skeleton)
    if config.data.is_named:
        data = KeypointSet(config.data, skeleton)
        evaluation = evaluation_on(data, config.limit)
        if calibration is not None and config.ranges == BEST_RANGES:
            choice = evaluation_on(KeypointSet(config.data.to_learn_from, skeleton), config.data.choice)
    # Where nobody says what is right, a lower precision must at least see whom float32 sees.
    agreement = Agreement(exporter.photographs if config.data.is_named else _scenes(size, SCENE_SEED, AGREEMENT_SCENES))
    variants = write_variants(
        exporter, wanted, calibration, evaluation, config.max_ap_drop, choice, config.runs, agreement
    )
    if config.sheet is not None:
        models = {v.quantisation.precision: LiteRTModel(v.report.path) for v in variants if v.report is not None}
        write_image(config.sheet, draw_precisions(models, data, config.photographs))
    return variants


def _exporter(network: nn.Module, info: CheckpointInfo, config: ExportConfig) -> Exporter:
    skeleton, size = info.skeleton, config.size_for(info)
    if config.out.suffix not in (".tflite", ".onnx"):
        raise ExportError(f"{config.out} must end in .tflite or .onnx")
    decoder = decoding_head(info.heads, info.heads)
    if config.with_peaks and not set(decoder.decodes) <= {HEATMAPS, TAGS}:
        raise InputError(
            f"with_peaks is of persons that are found by heatmaps and tags; {config.model} finds them by "
            f"{decoder.decodes[-1]}, so export its maps"
        )
    # Before the conversion, which takes its time.
    config.out.parent.mkdir(parents=True, exist_ok=True)
    return Exporter(
        network,
        outputs=described_outputs(network, info),
        input_size=size,
        mean=MEAN,
        std=STD,
        photographs=_photographs(config, size, skeleton),
        letterbox={"padding_rgb": list(geometry.PADDING), "interpolation": "bilinear"},
        skeleton=_skeleton_values(skeleton),
        grouping=to_json_values(config.grouping),
        source={
            "tool": f"pose-distill {distill.__version__}",
            "checkpoint": config.model.name,
            "network": info.name,
            "step": info.step,
            "trained_at": list(info.input_size),
            "metrics": to_json_values(info.metrics),
        },
        tolerance=config.tolerance,
        peaks=_peaks(config.grouping) if config.with_peaks else None,
    )


def described_outputs(network: nn.Module, info: CheckpointInfo) -> dict[str, OutputInfo]:
    """What a network's outputs are, by key such as heatmaps_s4, as its heads say it."""
    heads, described = info.heads, {}
    for key, stride in strides_of(network, heads, info.skeleton).items():
        name = split_key(key)[0]
        described[key] = OutputInfo(name, heads[name].meaning, stride, heads[name].activation)
    return described


def _peaks(grouping: GroupingConfig) -> PeakSettings:
    shift = "parabola" if grouping.subcell else "quarter" if grouping.adjust else "none"
    return PeakSettings(grouping.max_persons, grouping.nms_kernel, shift)


def _calibration(config: ExportConfig, size: tuple[int, int], skeleton: Skeleton) -> np.ndarray:
    """(N, height, width, 3) uint8 RGB, letterboxed, drawn from the training set."""
    if not config.data.is_named:
        photographs = _scenes(size, CALIBRATION_SEED, config.calibration)
    else:
        data = KeypointSet(config.data.to_learn_from, skeleton)
        count = min(config.calibration, len(data.image_ids))
        ids = np.random.default_rng(CALIBRATION_SEED).choice(data.image_ids, count, replace=False)
        photographs = [data.photograph(i) for i in ids.tolist()]
    return np.stack([letterboxed(photograph, size)[0] for photograph in photographs])


def _scenes(size: tuple[int, int], seed: int, count: int) -> list[np.ndarray]:
    scenes = SceneConfig(size=int(np.clip(max(size), *SCENE_SIZES)))
    return [draw_scene(scenes, seed, i).image for i in range(count)]


def _photographs(config: ExportConfig, size: tuple[int, int], skeleton: Skeleton) -> np.ndarray:
    """(N, height, width, 3) uint8 RGB, letterboxed."""
    if not config.data.is_named:
        photographs = _scenes(size, SCENE_SEED, config.photographs)
    else:
        data = KeypointSet(config.data, skeleton)
        photographs = [data.photograph(i) for i in data.image_ids[: config.photographs]]
    return np.stack([letterboxed(photograph, size)[0] for photograph in photographs])


def _skeleton_values(skeleton: Skeleton) -> dict:
    """A skeleton as plain values; limbs and flip pairs as joint numbers too, for programs without names."""
    return skeleton.plain() | {
        "limb_index": skeleton.limb_index.tolist(),
        "flip_index": skeleton.flip_index.tolist(),
        "grouping_index": skeleton.grouping_index.tolist(),
    }


def print_report(report: ExportReport, runs: int) -> None:
    """Print what came of an export as a table; its time is that of `distill-bench host`, of so many runs."""
    rows = [("model", report.path), ("bytes", f"{report.bytes:,}")]
    rows += [(f"largest error, {name}", f"{error:.1e}") for name, error in report.max_error.items()]
    if report.path.suffix == ".tflite":
        timing = bench.measure([report.path], [1], runs)[0]
        rows.append(("ms a run, one thread", f"{timing.percentile(50):.1f}"))
    for name, value in rows:
        print(f"{name:<28}{value}")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: ExportConfig):
        if config.out.suffix == ".safetensors":
            print(f"{config.out}: {save_for_shipping(config.model, config.out):,} bytes")
        elif config.out.suffix == ".onnx" or (
            config.precision == ["float32"] and not config.with_peaks and config.sheet is None
        ):
            print_report(export_checkpoint(config), config.runs)
        else:
            variants = export_variants(config)
            Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(precision_table(variants))
            if refusals := [variant.refusal for variant in variants if variant.refusal]:
                raise ExportError("; ".join(refusals))

    return command("distill-export", ExportConfig.__doc__, ExportConfig, action, argv)
