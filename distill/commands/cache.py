"""distill-cache: soft labels of a teacher, made, checked and looked at."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from cache.errors import StoreError
from cache.label import SoftLabel
from cache.store import SoftLabelStore
from distill import geometry
from distill.commands.cli import commands
from distill.data.coco import CocoKeypoints
from distill.decode import GroupingConfig
from distill.errors import InputError
from distill.labels import EVALUATION, TeacherPass, check_store, create_store, evaluate_store
from distill.plain import to_plain
from distill.resample import photograph_box
from distill.signals import StopRequest
from distill.skeleton import get_skeleton
from distill.teacher import TeacherConfig, load_teacher
from distill.visual import contact_sheet, draw_heatmaps, draw_persons, write_image

VIEW_CELL = 480


@dataclass(frozen=True)
class DataConfig:
    """A split of a COCO keypoint set."""

    root: Path
    "Folder of the set: photographs in SPLIT/ or images/SPLIT/, annotations/ beside them."
    split: str = "train2017"
    "Split to label."


@dataclass(frozen=True)
class BuildConfig:
    """Run a teacher over a split and store what it sees; what is there already is kept."""

    data: DataConfig
    "Photographs and annotations."
    out: Path = Path("labels.zarr")
    "Store to make or to go on with."
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    "The teacher and how it looks at a photograph."
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    "How its maps become persons."
    skeleton: str = "coco_17"
    "Annotation scheme of the keypoints."
    map_size: int = 160
    "Side of the stored maps, cells; the photograph's long side fills it."
    floor: float = 0.02
    "Heatmap values below this are stored as 0, which keeps the store small; 0..1."
    shard_length: int = 128
    "Photographs a shard, the unit that is written and resumed."
    batch_size: int = 8
    "Most photographs that the teacher sees at once."
    threads: int = 2
    "Threads that decode photographs."
    limit: int | None = None
    "Label only so many photographs, those of lowest id; all by default."
    evaluate: bool = False
    "Score the teacher's persons against the annotations when done."

    def __post_init__(self):
        for name in ("map_size", "shard_length", "batch_size", "threads", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")


@dataclass(frozen=True)
class VerifyConfig:
    """Compare every shard of a store with its checksums, and the store with its annotations."""

    store: Path
    "Store to verify."
    data_root: Path | None = None
    "Folder of the COCO set it was made from; without it only the store itself is verified."


@dataclass(frozen=True)
class InfoConfig:
    """Say what a store holds, how complete and how large it is, and who made it."""

    store: Path
    "Store to describe."


@dataclass(frozen=True)
class ViewConfig:
    """Draw one photograph with the maps and persons that the teacher saw."""

    store: Path
    "Store to look into."
    image_id: int | None = None
    "Photograph to draw; by default the first with a person."
    out: Path = Path("view.png")
    "Picture to write, .png or .jpg."
    data_root: Path | None = None
    "Folder of the COCO set; by default the one the store was made from."


class _Rate(ProgressColumn):
    """Photographs a second since the start."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / task.elapsed:.1f} images/s" if task.elapsed else "")


def build(config: BuildConfig) -> SoftLabelStore:
    """Make or complete a store, showing progress; returns it."""
    skeleton = get_skeleton(config.skeleton)
    data = CocoKeypoints(config.data.root, config.data.split, skeleton)
    loaded = load_teacher(config.teacher, skeleton)
    store = create_store(
        config.out,
        data,
        loaded.attributes,
        config.grouping,
        map_size=config.map_size,
        shard_length=config.shard_length,
        floor=config.floor,
        limit=config.limit,
        configuration=to_plain(config),
    )
    teacher_pass = TeacherPass(
        store, data, loaded.teacher, config.grouping, batch_size=config.batch_size, threads=config.threads
    )
    columns = (TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with StopRequest() as stop, Progress(*columns) as bar:
        task = bar.add_task("images")
        finished = teacher_pass.run(
            lambda done, total: bar.update(task, completed=done, total=total), lambda: stop.received is not None
        )
    if not finished:
        stop.end()
    print(f"{config.out}: {len(store)} images, {_bytes(store) / len(store) / 1000:.1f} kB each")
    if config.evaluate:
        print(_table(evaluate_store(store, data)))
    return store


def verify(config: VerifyConfig):
    """Raise a StoreError unless the store is whole."""
    store = SoftLabelStore.open(config.store)
    if missing := store.missing_shards():
        raise StoreError(
            f"{config.store}: {len(missing)} of {store.num_shards} shards are missing or do not match their checksums: "
            f"{', '.join(map(str, missing[:20]))}{', ...' if len(missing) > 20 else ''}; "
            "run the same `distill-cache build` again to fill them"
        )
    if config.data_root is not None:
        check_store(store, _data_of(store, config.data_root))
    print(f"{config.store}: all {store.num_shards} shards with {len(store)} images match their checksums")


def info(config: InfoConfig):
    """Print what the store says of itself."""
    store = SoftLabelStore.open(config.store)
    attributes = store.attributes
    missing = store.missing_shards(checksums=False)
    size = _bytes(store)
    stored = len(store) - sum(len(store.shard_image_ids(shard)) for shard in missing)
    lines = {
        "split": f"{attributes['split']}, {len(store)} images, {stored} labelled",
        "shards": f"{store.num_shards}, {len(missing)} missing, {store.shard_length} images each",
        "maps": "{keypoints} x {map_size} x {map_size}, at most {max_persons} persons".format(**attributes["shape"]),
        "skeleton": attributes["skeleton"],
        "size": f"{size / 1e6:.1f} MB" + (f", {size / stored / 1000:.1f} kB an image" if stored else ""),
        "encoding": _plain(attributes["encoding"]),
        "teacher": _plain(attributes["teacher"]),
        "annotations": f"SHA-256 {attributes['annotation_sha256']}",
        "made by": f"version {attributes['tool_version']}, format {attributes['format_version']}",
    }
    print("\n".join(f"{name:12s} {value}" for name, value in lines.items()))
    if evaluation := store.files.read(EVALUATION):
        print(_table(json.loads(evaluation)))


def view(config: ViewConfig):
    """Write a picture of photograph, maps and persons."""
    store = SoftLabelStore.open(config.store)
    recorded = store.attributes["configuration"].get("data", {}).get("root")
    if config.data_root is None and recorded is None:
        raise InputError(f"{config.store} does not say where its photographs are; give data_root")
    data = _data_of(store, config.data_root or Path(recorded))
    image_id = _first_with_person(store) if config.image_id is None else config.image_id
    label = store.read(image_id)
    photograph = data.photograph(image_id)
    persons = draw_persons(photograph, label.persons, data.skeleton, scale=VIEW_CELL / max(photograph.shape[:2]))
    cells = [photograph, _draw_maps(photograph, label), persons]
    write_image(config.out, contact_sheet([cells], ["photograph", "heatmaps", "persons"], VIEW_CELL))
    print(f"{config.out}: image {image_id}, {len(label.persons)} persons, scores {np.round(label.person_score, 2)}")


def _draw_maps(photograph: np.ndarray, label: SoftLabel) -> np.ndarray:
    """The maps over the photograph, which fills the long side of the picture."""
    enlarge = geometry.compose(label.to_map, geometry.scaling(VIEW_CELL / label.heatmap.shape[-1]))
    drawn = draw_heatmaps(geometry.warp(photograph, enlarge, (VIEW_CELL, VIEW_CELL)), label.heatmap)
    left, top, right, bottom = np.rint(photograph_box(photograph.shape[1::-1], enlarge)).astype(int)
    return drawn[top:bottom, left:right]


def _first_with_person(store: SoftLabelStore) -> int:
    for image_id in store.image_ids.tolist():
        if len(store.read_persons(image_id)[0]):
            return image_id
    return int(store.image_ids[0])


def _data_of(store: SoftLabelStore, root: Path) -> CocoKeypoints:
    return CocoKeypoints(root, store.attributes["split"], get_skeleton(store.attributes["skeleton"]))


def _bytes(store: SoftLabelStore) -> int:
    return sum(path.stat().st_size for path in store.files.root.rglob("*") if path.is_file())


def _plain(values: dict) -> str:
    return ", ".join(f"{k} ({_plain(v)})" if isinstance(v, dict) else f"{k} {v}" for k, v in values.items())


def _table(metrics: dict[str, float | None]) -> str:
    return "\n".join(f"{name:12s} {'none' if value is None else f'{value:.3f}'}" for name, value in metrics.items())


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    actions = {
        "build": (BuildConfig, build),
        "verify": (VerifyConfig, verify),
        "info": (InfoConfig, info),
        "view": (ViewConfig, view),
    }
    return commands("distill-cache", "Make, verify and look at soft labels.", actions, argv)
