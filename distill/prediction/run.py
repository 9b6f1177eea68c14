"""From sources to files: every frame looked at, persons followed and smoothed, everything written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from distill.drawing.sheet import write_image
from distill.pose.skeleton import Skeleton
from distill.prediction.model import Person, PoseModel
from distill.prediction.smoothing import METHODS, OneEuro, size_of, smoothed, without_outliers
from distill.prediction.sources import Frame, Photographs, Source
from distill.prediction.tracking import Tracker, TrackingConfig
from distill.prediction.writers import WRITERS, Seen, annotated
from distill.system.errors import InputError
from distill.system.overlap import Behind, ahead
from distill.system.video_file import VideoWriter

_AHEAD = 16
"Frames that are read ahead."
Smooth = Literal["one_euro", "lowess", "savitzky_golay", "none"]
Show = Callable[[np.ndarray], None]
"Called with an annotated picture."
Progress = Callable[[Source, int], None]
"Called with a source and how many of its frames are done."


@dataclass(frozen=True)
class Plan:
    """What is done with what is found."""

    out: Path
    "Folder to write to."
    formats: Sequence[str] = ("coco",)
    "Of `distill.prediction.writers.WRITERS`."
    save: bool = True
    "Write annotated pictures and videos."
    every: int = 1
    "Look at every n-th frame of a video."
    batch_size: int = 8
    "Photographs that go through the network together."
    track: bool = False
    "Follow persons through videos."
    smooth: Smooth = "none"
    "How their joints are smoothed, which needs tracks."
    outliers: float = 0.0
    "Standard deviations from which a joint far from its neighbours in time is replaced; 0 for none."
    tracking: TrackingConfig = field(default_factory=TrackingConfig)

    def __post_init__(self):
        for name in ("every", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if unknown := set(self.formats) - WRITERS.keys():
            raise InputError(f"format {min(unknown)!r} is unknown; choose from {', '.join(WRITERS)}")
        if self.smooth not in METHODS:
            raise InputError(f"smooth must be {', '.join(METHODS)}, not {self.smooth!r}")
        if self.outliers < 0:
            raise InputError(f"outliers must not be negative, not {self.outliers}")

    @property
    def follows(self) -> bool:
        """Whether persons are tracked: asked for, or needed."""
        return self.track or self.smooth != "none" or self.outliers > 0


def run(
    model: PoseModel,
    source: Source,
    plan: Plan,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda source, done: None,
    show: Show | None = None,
) -> tuple[list[Seen], list[Path]]:
    """Look at a source and write what is found; the persons of each frame, and the files.

    When asked to stop it writes what was found until then.

    Args:
        stop: asked after each frame.
        show: called with each annotated picture as soon as there is one.

    Raises:
        InputError: it cannot be read, lies in the folder to write to, or is a camera and to be smoothed by what comes
            later.
    """
    if plan.out.resolve() in source.folders:
        raise InputError(f"out {plan.out} is where {source.name} lies, and could replace it; name another folder")
    if isinstance(source, Photographs):
        return _photographs(model, source, plan, stop, progress, show)
    if source.is_live and plan.smooth not in ("none", "one_euro"):
        raise InputError(f"smooth {plan.smooth} needs the frames to come, which {source.name} has not; take one_euro")
    return _video(model, source, plan, stop, progress, show)


def _photographs(model, source, plan, stop, progress, show) -> tuple[list[Seen], list[Path]]:
    seen, files = [], []
    names = _free_names(source.paths)
    for batch in _batches(ahead(source.frames(), _AHEAD), plan.batch_size):
        for frame, persons in zip(batch, model.predict([frame.pixels for frame in batch]), strict=True):
            seen.append(_seen(frame, persons))
            picture = annotated(frame.pixels, persons, model.skeleton)
            if plan.save:
                files.append(plan.out / names[frame.number])
                write_image(files[-1], picture)
            if show:
                show(picture)
            progress(source, len(seen))
        if stop():
            break
    if not seen:
        raise InputError(f"none of the {source.length} photographs can be read; see what is said of each")
    return seen, files + _written(source, seen, plan, model.skeleton)


def _video(model, source, plan, stop, progress, show) -> tuple[list[Seen], list[Path]]:
    """Online, where every frame can be drawn at once; else drawn in a second pass, after smoothing.

    Frames of a file are read ahead and looked at in batches, while those before are drawn and written; a camera's are
    looked at as they come.
    """
    online = plan.smooth in ("none", "one_euro") and not plan.outliers
    follow = _Follower(model.skeleton, plan) if plan.follows else None
    seen: list[Seen] = []
    with ExitStack() as stack:
        writer = None
        if plan.save:
            writer = VideoWriter(plan.out / f"{source.name}.mp4", source.rate / plan.every)
            stack.callback(writer.close)
        draw = _Drawing(model.skeleton, writer, show)
        if show is None:  # Windows belong to the main thread.
            draw = stack.enter_context(Behind(draw))
        for batch in _frames(source, plan):
            for frame, persons in zip(batch, model.predict([frame.pixels for frame in batch]), strict=True):
                if follow:
                    persons = follow(persons, frame.time, smooth=online)
                seen.append(_seen(frame, persons))
                if online:
                    draw(frame, persons)
                progress(source, len(seen))
            if stop():
                break
        if not online:
            seen = smooth_tracks(seen, plan.smooth, plan.outliers)
            for frame, each in zip(ahead(source.frames(plan.every), _AHEAD), seen, strict=False):
                draw(frame, each.persons)
    return seen, ([writer.path] if writer and writer.path.exists() else []) + _written(
        source, seen, plan, model.skeleton
    )


class _Drawing:
    """Draws persons on a frame, shows it and appends it to a video."""

    def __init__(self, skeleton: Skeleton, writer: VideoWriter | None, show: Show | None):
        self._skeleton, self._writer, self._show = skeleton, writer, show

    def __call__(self, frame: Frame, persons: Sequence[Person]) -> None:
        picture = annotated(frame.pixels, persons, self._skeleton)
        if self._show:
            self._show(picture)
        if self._writer:
            self._writer(picture, frame.time)


def _frames(source: Source, plan: Plan) -> Iterator[list[Frame]]:
    if source.is_live:
        return _batches(source.frames(plan.every), 1)
    return _batches(ahead(source.frames(plan.every), _AHEAD), plan.batch_size)


class _Follower:
    """Tracks, and the one euro filter of each where it is asked for."""

    def __init__(self, skeleton: Skeleton, plan: Plan):
        self._tracker, self._plan = Tracker(skeleton.sigmas, plan.tracking), plan
        self._filters: dict[int, tuple[OneEuro, float]] = {}

    def __call__(self, persons: list[Person], time: float, *, smooth: bool) -> list[Person]:
        persons = self._tracker(persons, time)
        if smooth and self._plan.smooth == "one_euro":
            return [self._smoothed(person, time) for person in persons]
        return persons

    def _smoothed(self, person: Person, time: float) -> Person:
        if person.track is None:
            return person
        if person.track not in self._filters:
            self._filters[person.track] = OneEuro(), size_of(person.keypoints[None])
        one_euro, size = self._filters[person.track]
        return replace(person, keypoints=one_euro(person.keypoints, time, size).astype(np.float32))


def smooth_tracks(seen: Sequence[Seen], method: str, outliers: float = 0.0) -> list[Seen]:
    """Frames whose tracked persons are smoothed over the whole video; see `distill.prediction.smoothing`."""
    places: dict[int, list[tuple[int, int]]] = {}
    for row, each in enumerate(seen):
        for column, person in enumerate(each.persons):
            if person.track is not None:
                places.setdefault(person.track, []).append((row, column))
    persons = [list(each.persons) for each in seen]
    for owned in places.values():
        keypoints = np.stack([persons[row][column].keypoints for row, column in owned])
        if outliers:
            keypoints = without_outliers(keypoints, outliers)
        keypoints = smoothed(method, keypoints, np.array([seen[row].time for row, _ in owned]))
        for (row, column), joints in zip(owned, keypoints, strict=True):
            persons[row][column] = replace(persons[row][column], keypoints=joints.astype(np.float32))
    return [replace(each, persons=some) for each, some in zip(seen, persons, strict=True)]


def _seen(frame: Frame, persons: Sequence[Person]) -> Seen:
    return Seen(frame.number, frame.time, frame.name, frame.pixels.shape[1::-1], persons)


def _written(source: Source, seen: Sequence[Seen], plan: Plan, skeleton: Skeleton) -> list[Path]:
    plan.out.mkdir(parents=True, exist_ok=True)
    return [WRITERS[name](plan.out, source.name, seen, skeleton) for name in plan.formats]


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _free_names(paths: Sequence[Path]) -> list[str]:
    """Names of annotated pictures, none of them twice."""
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        name, number = f"{path.stem}.jpg", 2
        while name in taken:
            name, number = f"{path.stem}_{number}.jpg", number + 1
        taken.add(name)
        names.append(name)
    return names
