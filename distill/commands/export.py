"""distill-export: a checkpoint as a .tflite model with its JSON."""

import sys

import numpy as np
from rich.console import Console
from torch import nn

import distill
from distill.commands.cli import command
from distill.commands.export_config import BEST_RANGES, ExportConfig
from distill.data.keypoint_set import KeypointSet
from distill.data.normalise import MEAN, STD
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
from mobile import bench
from mobile.core_ml import UNCHECKED
from mobile.errors import ExportError
from mobile.export import Exporter, ExportReport
from mobile.formats import CORE_ML, TFLITE, WRITTEN
from mobile.outputs import HEATMAPS, TAGS, OutputInfo
from mobile.peaks import PeakSettings
from mobile.runtime import LiteRTModel

SCENE_SIZES = (32, 512)
SCENE_SEED = 2024
CALIBRATION_SEED = 7
AGREEMENT_SCENES = 40
_FILE_WIDTH = 160


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
    return exporter.write(config.out) if config.out.suffix == TFLITE else exporter.write_as(config.out)


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
    if config.out.suffix not in WRITTEN:
        raise ExportError(f"{config.out} must end in {', '.join(WRITTEN)}")
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
        pixels=config.pixels,
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
    if report.path.suffix == CORE_ML:
        rows.append(("checked", UNCHECKED))
    if report.path.suffix == TFLITE:
        timing = bench.measure([report.path], [1], runs)[0]
        rows.append(("ms a run, one thread", f"{timing.percentile(50):.1f}"))
    for name, value in rows:
        print(f"{name:<28}{value}")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: ExportConfig):
        if config.out.suffix == ".safetensors":
            print(f"{config.out}: {save_for_shipping(config.model, config.out):,} bytes")
        elif config.out.suffix != TFLITE or (
            config.precision == ["float32"] and not config.with_peaks and config.sheet is None
        ):
            print_report(export_checkpoint(config), config.runs)
        else:
            variants = export_variants(config)
            Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(precision_table(variants))
            if refusals := [variant.refusal for variant in variants if variant.refusal]:
                raise ExportError("; ".join(refusals))

    return command("distill-export", ExportConfig.__doc__, ExportConfig, action, argv)
