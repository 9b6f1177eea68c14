"""distill-predict: a model on one's own pictures and videos."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from distill.commands.cli import command
from distill.prediction.model import DEFAULT, MODELS, load_model
from distill.prediction.run import Plan, Smooth, run
from distill.prediction.sources import sources_of
from distill.prediction.tracking import TrackingConfig
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.signals import StopRequest
from distill.system.sizes import size_of


@dataclass(frozen=True)
class PredictConfig:
    """Find persons in pictures, folders, videos, cameras and streams, and draw and write them."""

    source: list[str]
    "Pictures, folders, patterns such as '*.jpg', videos, numbers of cameras such as 0, addresses of streams."
    model: Choice = field(default=Choice(DEFAULT), metadata={"registry": MODELS})
    "Weights that ship (people_l, people_xs), a .safetensors or .tflite, or a teacher with its options."
    out: Path = Path("runs/predict")
    "Folder to write to; files of the same name are replaced."
    save: bool = True
    "Write annotated pictures and mp4 videos."
    show: bool = False
    "Show annotated pictures in a window, where there is a display; q ends."
    formats: list[Literal["coco", "csv", "yolo", "numpy"]] = field(default_factory=lambda: ["coco"])
    "What else is written: COCO results, a CSV a source, YOLO-pose labels, a NumPy archive."
    confidence: float = 0.15
    "Persons of a lower score are left out, 0..1."
    max_persons: int = 30
    "Most persons of a picture."
    input_size: int | tuple[int, int] | None = None
    "Side of a checkpoint's input, or its width and height, pixels; by default that of its training."
    flip: bool = False
    "Look at the mirrored picture, too: better, and half as fast."
    device: str = "auto"
    "cpu, cuda or auto: the first GPU if there is one."
    every: int = 1
    "Look at every n-th frame of a video."
    track: bool = False
    "Follow persons through videos; smoothing does so anyway."
    smooth: Smooth = "none"
    "How the joints of followed persons are smoothed; one_euro needs no frames to come."
    outliers: float = 0.0
    "Standard deviations from which a joint far from where it is before and after is replaced; 0 for none."
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    "How persons are followed."

    def __post_init__(self):
        object.__setattr__(self, "model", Choice.of(self.model))
        if self.input_size is not None:
            object.__setattr__(self, "input_size", size_of(self.input_size, "input_size", multiple=32))
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"out {self.out} is a file; name a folder")


def predict(config: PredictConfig):
    """Look at every source, showing progress, and print what was found and how fast.

    Raises:
        InputError: a source or the model cannot be read.
    """
    plan = Plan(
        config.out,
        config.formats,
        save=config.save,
        every=config.every,
        track=config.track,
        smooth=config.smooth,
        outliers=config.outliers,
        tracking=config.tracking,
    )
    sources = sources_of(config.source)
    model = load_model(
        config.model,
        confidence=config.confidence,
        max_persons=config.max_persons,
        input_size=config.input_size,
        flip=config.flip,
        device=config.device,
    )
    window = _Window() if config.show else None
    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with StopRequest() as request:
        for source in sources:
            started = time.perf_counter()
            with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
                task = progress.add_task(source.name, total=source.length and -(-source.length // config.every))
                seen, files = run(
                    model,
                    source,
                    plan,
                    stop=lambda: request.received is not None or (window is not None and window.is_closed),
                    progress=lambda _, done, p=progress, t=task: p.update(t, completed=done),
                    show=window,
                )
            seconds = time.perf_counter() - started
            persons = sum(len(each.persons) for each in seen)
            rate = len(seen) / max(seconds, 1e-9)
            print(f"{source.name}: {persons} persons in {len(seen)} frames, {rate:.1f} a second: {_listed(files)}")
            if request.received is not None:
                request.end()


class _Window:
    """Shows pictures until q is pressed."""

    def __init__(self):
        self.is_closed = False

    def __call__(self, picture):
        try:
            cv2.imshow("distill-predict", picture[..., ::-1])
            self.is_closed = cv2.waitKey(1) & 0xFF == ord("q")
        except cv2.error:
            raise InputError("show needs a display and opencv-python instead of opencv-python-headless") from None


def _listed(files: list[Path]) -> str:
    names = [str(file) for file in files]
    return ", ".join(names) if len(names) <= 4 else f"{names[0]}, ... {names[-1]} ({len(names)} files)"


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    return command("distill-predict", PredictConfig.__doc__, PredictConfig, predict, argv)


if __name__ == "__main__":
    sys.exit(main())
