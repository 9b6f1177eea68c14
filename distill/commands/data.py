"""distill-data: make, fetch, look at, check, convert, merge, split and pack sets of annotated people."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from distill.commands import data_check, data_edit
from distill.commands.cli import commands
from distill.data.fetch import FetchConfig, fetch
from distill.data.keypoint_set import OWN_SKELETON, KeypointSet, open_data
from distill.data.packing import Packing, pack
from distill.data.source import DataSource
from distill.drawing.persons import MASK_COLOUR, draw_persons
from distill.drawing.sheet import contact_sheet, write_image
from distill.labelling.published import FetchWeightsConfig, fetch_weights
from distill.synthetic import SceneConfig, SceneContent, measure, synthesize
from distill.synthetic.video import MovingScene, write_video
from distill.system.errors import InputError
from distill.system.signals import StopRequest


@dataclass(frozen=True)
class SynthesizeConfig:
    """Draw synthetic people as a COCO keypoint set."""

    directory: Path
    "Folder of the set; the split goes into DIRECTORY/SPLIT and DIRECTORY/annotations."
    images: int = 1000
    "Number of scenes."
    seed: int = 0
    "Scenes of one seed are the same everywhere; splits of one set need different seeds."
    split: str = "train2017"
    "Name of the split."
    size: int = 256
    "Width and height of the pictures, pixels; 32 to 640."
    workers: int = 0
    "Processes that draw; 0 for one a core. The scenes do not depend on it."
    quality: int = 90
    "JPEG quality, 1 to 100."
    overwrite: bool = False
    "Replace the split if it is there."
    video: float = 0.0
    """Seconds of a moving scene with people who walk and wave, written as DIRECTORY/SPLIT.mp4 with true joints and
    track ids beside it, instead of single scenes."""
    rate: float = 25.0
    "Frames a second of the moving scene."
    scenes: SceneContent = field(default_factory=SceneContent)
    "What the scenes show."

    def __post_init__(self):
        if self.video < 0:
            raise InputError(f"video must not be negative seconds, not {self.video}")
        if not 1 <= self.rate <= 240:
            raise InputError(f"rate must lie in 1..240 frames a second, not {self.rate}")


@dataclass(frozen=True)
class ShowDataConfig(DataSource):
    """A split of a set of any known format."""

    split: str = "val2017"
    "Split to show."


@dataclass(frozen=True)
class ShowConfig:
    """Draw photographs of a set, with what is annotated in them, as a contact sheet."""

    data: ShowDataConfig
    "Photographs and annotations."
    out: Path = Path("sheet.png")
    "Picture to write, .png or .jpg."
    limit: int = 24
    "Show so many photographs, evenly spread over the set."
    columns: int = 6
    "Photographs in a row."
    cell: int = 256
    "Side of the square a photograph is fitted into, pixels."
    skeleton: str = OWN_SKELETON
    "Its joints: auto for those that the set names, a skeleton that ships, or a YAML file."

    def __post_init__(self):
        for name in ("limit", "columns", "cell"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")


def make_synthetic(config: SynthesizeConfig) -> None:
    """Write a synthetic split with a progress bar, or a moving scene, and print its figures."""
    if config.video:
        _make_video(config)
        return
    columns = (TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("scenes", total=config.images)
        annotation_file = synthesize(
            config.directory,
            config.split,
            config.images,
            config.seed,
            SceneConfig(**asdict(config.scenes), size=config.size),
            workers=config.workers,
            quality=config.quality,
            overwrite=config.overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    print(f"{annotation_file}: " + ", ".join(f"{name} {value:.4g}" for name, value in measure(annotation_file).items()))


def _make_video(config: SynthesizeConfig) -> None:
    path = config.directory / f"{config.split}.mp4"
    if path.exists() and not config.overwrite:
        raise InputError(f"{path} exists; choose another directory or split, or overwrite it with --overwrite")
    scene = MovingScene(SceneConfig(**asdict(config.scenes), size=config.size), config.seed)
    truth = write_video(path, scene, config.video, config.rate)
    print(f"{path}: {config.video:g} s of {len(scene.walkers)} people, whose joints and track ids are in {truth}")


def show(config: ShowConfig) -> None:
    """Write a contact sheet of photographs with joints, hidden ones marked, and outlines."""
    data = open_data(config.data, config.skeleton)
    chosen = np.unique(np.linspace(0, len(data) - 1, config.limit).astype(int))
    cells = [_annotated(data, image_id, config.cell) for image_id in data.image_ids[chosen].tolist()]
    rows = [cells[start : start + config.columns] for start in range(0, len(cells), config.columns)]
    write_image(config.out, contact_sheet(rows, [data.split] * config.columns, config.cell))
    print(f"{config.out}: {len(cells)} photographs of {data.annotation_file}")


def _annotated(data: KeypointSet, image_id: int, cell: int) -> np.ndarray:
    """A photograph with outlines, skeletons, and a dark core in every hidden joint."""
    photograph, persons = data.photograph(image_id), data.keypoints(image_id)
    scale = cell / max(photograph.shape[:2])
    canvas = draw_persons(photograph, persons, data.skeleton, scale=scale)
    outline = cv2.resize(data.masks(image_id)[:, :, 0], canvas.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(outline, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, contours, -1, MASK_COLOUR, 1)
    for x, y in persons[persons[:, :, 2] == 1, :2] * scale:
        cv2.circle(canvas, (int(x), int(y)), max(1, cell // 160), (0, 0, 0), cv2.FILLED, cv2.LINE_AA)
    return canvas


@dataclass(frozen=True)
class PackDataConfig(DataSource):
    """A split of a data set."""

    split: str = "train2017"
    "Split to pack."


@dataclass(frozen=True)
class PackConfig:
    """Write the photographs of a split into one file, smaller; goes on where it was stopped."""

    data: PackDataConfig
    "The split."
    out: Path = Path("photographs.zip")
    "File to write."
    packing: Packing = field(default_factory=Packing)
    "How much smaller."


def pack_photographs(config: PackConfig) -> None:
    """Pack a split, showing progress, and say how large it became."""
    data = open_data(config.data, OWN_SKELETON)
    columns = (TextColumn("packing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with StopRequest() as stop, Progress(*columns, transient=True) as bar:
        shown = bar.add_task("photographs", total=len(data))
        finished = pack(
            data,
            config.out,
            config.packing,
            lambda done, total: bar.update(shown, completed=done, total=total),
            lambda: stop.received is not None,
        )
    if not finished:
        stop.end()
    before, after = sum(data.path(i).stat().st_size for i in data.image_ids.tolist()), config.out.stat().st_size
    print(f"{config.out}: {len(data)} photographs, {after / 1e6:.1f} MB of {before / 1e6:.1f}; name it by data.packed")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    actions = {
        "synthesize": (SynthesizeConfig, make_synthetic),
        "fetch": (FetchConfig, fetch),
        "fetch-weights": (FetchWeightsConfig, fetch_weights),
        "show": (ShowConfig, show),
        "check": (data_check.CheckConfig, data_check.check),
        "convert": (data_edit.ConvertConfig, data_edit.convert),
        "merge": (data_edit.MergeConfig, data_edit.merge),
        "split": (data_edit.SplitConfig, data_edit.split),
        "pack": (PackConfig, pack_photographs),
    }
    return commands(
        "distill-data",
        "Make, fetch, look at, check, convert, merge, split and pack sets of annotated people.",
        actions,
        argv,
    )
