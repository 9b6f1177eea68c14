"""distill-export: a checkpoint as a .tflite model with its JSON."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import nn

import distill
from distill import geometry
from distill.checkpoint import CheckpointInfo, load_network, save_for_shipping
from distill.commands.cli import command
from distill.data.coco import CocoKeypoints
from distill.data.normalise import MEAN, STD
from distill.decode import GroupingConfig
from distill.errors import InputError
from distill.plain import to_plain
from distill.predict import letterboxed
from distill.skeleton import Skeleton, get_skeleton
from distill.synthetic import SceneConfig, draw_scene
from mobile.export import ExportReport, export

SCENE_SIZES = (32, 512)
SCENE_SEED = 2024


@dataclass(frozen=True)
class ExportDataConfig:
    """Photographs to compare the model with torch on."""

    root: Path | None = None
    "Folder of a COCO keypoint set; by default synthetic scenes are drawn."
    split: str = "val2017"
    "Split to take the photographs of lowest id from."


@dataclass(frozen=True)
class ExportConfig:
    """Write a checkpoint as a .tflite model, checked against torch, with a JSON that says how to use it."""

    checkpoint: Path = Path("best.safetensors")
    "Checkpoint written by distill-train, such as best.safetensors."
    out: Path = Path("student.tflite")
    "Model to write: .tflite, with a JSON of the same name beside it, or .safetensors, the weights alone in float16."
    input_size: int | None = None
    "Side of the model's square input, pixels, a multiple of 32; by default that of the training."
    data: ExportDataConfig = field(default_factory=ExportDataConfig)
    "Photographs to check with."
    photographs: int = 8
    "Number of photographs to check with."
    tolerance: float = 1e-3
    "Largest error that is accepted: absolute, or relative to the largest value of an output where that is above 1."
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    "Grouping of joints into persons that the JSON recommends."

    def __post_init__(self):
        if self.out.suffix not in (".tflite", ".safetensors"):
            raise InputError(f"out {self.out} must end in .tflite or .safetensors")
        if self.input_size is not None and (self.input_size < 32 or self.input_size % 32):
            raise InputError(f"input_size must be a positive multiple of 32, not {self.input_size}")
        if self.photographs < 1:
            raise InputError(f"photographs must be at least 1, not {self.photographs}")
        if not self.tolerance > 0:
            raise InputError(f"tolerance must be above 0, not {self.tolerance}")


def export_checkpoint(config: ExportConfig) -> ExportReport:
    """Export as configured.

    Raises:
        InputError: the checkpoint or the photographs cannot be read.
        ExportError: the network cannot be converted or differs from torch.
    """
    network, info = load_network(config.checkpoint)
    return export_network(network, info, config)


def export_network(network: nn.Module, info: CheckpointInfo, config: ExportConfig) -> ExportReport:
    """Export a network that is already in memory; `config.checkpoint` only names its origin.

    Raises:
        InputError, ExportError: as `export_checkpoint`.
    """
    skeleton = get_skeleton(info.skeleton)
    side = config.input_size or info.input_size
    return export(
        network,
        config.out,
        input_size=(side, side),
        mean=MEAN,
        std=STD,
        photographs=_photographs(config, side, skeleton),
        letterbox={"padding_rgb": list(geometry.PADDING), "interpolation": "bilinear"},
        skeleton=_skeleton_values(skeleton),
        grouping=to_plain(config.grouping),
        source={
            "tool": f"pose-distill {distill.__version__}",
            "checkpoint": config.checkpoint.name,
            "network": info.name,
            "step": info.step,
            "trained_at": info.input_size,
            "metrics": to_plain(info.metrics),
        },
        tolerance=config.tolerance,
    )


def _photographs(config: ExportConfig, side: int, skeleton: Skeleton) -> np.ndarray:
    """(N, side, side, 3) uint8 RGB, letterboxed."""
    if config.data.root is None:
        scenes = SceneConfig(size=int(np.clip(side, *SCENE_SIZES)))
        photographs = [draw_scene(scenes, SCENE_SEED, i).image for i in range(config.photographs)]
    else:
        data = CocoKeypoints(config.data.root, config.data.split, skeleton)
        photographs = [data.photograph(i) for i in data.image_ids[: config.photographs]]
    return np.stack([letterboxed(photograph, (side, side))[0] for photograph in photographs])


def _skeleton_values(skeleton: Skeleton) -> dict:
    """A skeleton as plain values; limbs and flip pairs as joint numbers too, for programs without names."""
    return to_plain(skeleton) | {
        "limb_index": skeleton.limb_index.tolist(),
        "flip_index": skeleton.flip_index.tolist(),
        "grouping_index": skeleton.grouping_index.tolist(),
    }


def print_report(report: ExportReport) -> None:
    """Print what came of an export as a table."""
    rows = [("model", report.path), ("bytes", f"{report.bytes:,}")]
    rows += [(f"largest error, {name}", f"{error:.1e}") for name, error in report.max_error.items()]
    rows.append(("ms a run, one thread", f"{report.milliseconds:.1f}"))
    for name, value in rows:
        print(f"{name:<28}{value}")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: ExportConfig):
        if config.out.suffix == ".safetensors":
            print(f"{config.out}: {save_for_shipping(config.checkpoint, config.out):,} bytes")
        else:
            print_report(export_checkpoint(config))

    return command("distill-export", ExportConfig.__doc__, ExportConfig, action, argv)
