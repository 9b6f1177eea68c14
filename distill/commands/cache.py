"""distill-cache: soft labels of a teacher, made, checked, looked at and exported."""

from dataclasses import dataclass, field, replace

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from cache.encoding import LinearEncoding
from cache.store import SHARD_LENGTH, SoftLabelStore
from distill.commands.cache_tools import (
    ExportConfig,
    InfoConfig,
    VerifyConfig,
    ViewConfig,
    export,
    info,
    stored_bytes,
    table,
    verify,
    view,
)
from distill.commands.cli import commands
from distill.data.keypoint_set import open_data
from distill.data.source import DataSource
from distill.labelling.array_task import array_task
from distill.labelling.teacher import DEFAULT, TEACHERS, check_teacher, load_teacher
from distill.labelling.teacher_pass import (
    BATCH_SIZE,
    THREADS,
    TeacherPass,
    create_store,
    evaluate_store,
    images_to_label,
)
from distill.pose.grouping import GroupingConfig
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.imports import imported
from distill.system.json_values import to_json_values
from distill.system.notes import note
from distill.system.signals import StopRequest


@dataclass(frozen=True)
class DataConfig(DataSource):
    """A split of a COCO keypoint set."""

    split: str = "train2017"
    "Split to label."


@dataclass(frozen=True)
class BuildConfig:
    """Run a teacher over a split and store what it sees; what is there already is kept."""

    data: DataConfig
    "Photographs and annotations."
    out: str = "labels.zarr"
    "Store to make or to go on with: a path, or a URL such as s3://bucket/labels.zarr."
    teacher: Choice = field(default=DEFAULT, metadata={"registry": TEACHERS})
    "The teacher, its options, and for any teacher device and precision."
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    "How its maps become persons."
    skeleton: str = "coco_17"
    "Its joints: coco_17, another that ships, a YAML file, or auto for those that the annotations name."
    map_size: int = 128
    "Side of the stored maps, cells; the photograph's long side fills it."
    noise_floor: float = LinearEncoding.floor
    "Heatmap values and peaks below this are not stored, which keeps the store small; 0..1."
    shard_length: int = SHARD_LENGTH
    "Photographs a shard, the unit that is written and resumed."
    batch_size: int = BATCH_SIZE
    "Most photographs that the teacher sees at once."
    threads: int = THREADS
    "Threads that decode photographs, and as many that make labels of what the teacher sees."
    limit: int | None = None
    "Label only so many photographs, those of lowest id; all by default."
    persons_only: bool = False
    """Leave out photographs that are annotated and show nobody with a labelled joint, which trainings leave out by
    default: of COCO's train2017 it labels 64,115 of 118,287."""
    persons: bool = True
    """Also store who is who, which trainings read where nobody annotated; false saves the grouping of every
    photograph."""
    evaluate: bool = False
    "Score the teacher's persons against the annotations once the store is complete."
    task_id: int | None = None
    "Number of this task, from 0, of num_tasks that fill the store together; by default as the Slurm array says."
    num_tasks: int | None = None
    "Tasks that fill the store together, whole shards each; any number, also another on the next run."

    def __post_init__(self):
        object.__setattr__(self, "teacher", DEFAULT.merged(self.teacher))
        check_teacher(self.teacher)
        if self.evaluate and not self.persons:
            raise InputError("evaluate scores the teacher's persons, but persons is false; leave one of them out")
        for name in ("map_size", "shard_length", "batch_size", "threads", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")


class _Rate(ProgressColumn):
    """Photographs a second since the start."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / task.elapsed:.1f} images/s" if task.elapsed else "")


def build(config: BuildConfig) -> SoftLabelStore:
    """Make or complete a store, or one task's part of it, showing progress; returns it."""
    task, num_tasks = array_task(config.task_id, config.num_tasks)
    data = open_data(config.data, config.skeleton)
    if config.evaluate:
        data.require_labelled(images_to_label(data, config.persons_only)[: config.limit])
    loaded = load_teacher(config.teacher, data.skeleton)
    store = create_store(
        config.out,
        data,
        loaded.attributes,
        config.grouping,
        map_size=config.map_size,
        shard_length=config.shard_length,
        noise_floor=config.noise_floor,
        limit=config.limit,
        persons_only=config.persons_only,
        persons=config.persons,
        configuration=to_json_values(replace(config, task_id=None, num_tasks=None)) | {"imports": imported()},
    )
    teacher_pass = TeacherPass(
        store, data, loaded.teacher, config.grouping, batch_size=config.batch_size, threads=config.threads
    )
    columns = (TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with StopRequest() as stop, Progress(*columns) as bar:
        shown = bar.add_task("images")
        finished = teacher_pass.run(
            lambda done, total: bar.update(shown, completed=done, total=total),
            lambda: stop.received is not None,
            shards=range(task, store.num_shards, num_tasks),
        )
    if not finished:
        stop.end()
    if teacher_pass.empty:
        note(_without_anybody(config.out, teacher_pass))
    if missing := store.missing_shards(checksums=False):
        print(f"{config.out}: task {task} of {num_tasks} is done; {len(missing)} shards of other tasks are missing")
        return store
    print(f"{config.out}: {len(store)} images, {stored_bytes(store) / len(store) / 1000:.1f} kB each")
    if config.evaluate:
        print(table(evaluate_store(store, data)))
    return store


def _without_anybody(out: str, done: TeacherPass) -> str:
    """What to say of photographs in which the teacher found nothing, which teach that nobody is there."""
    text = f"{out}: the teacher found nothing in {done.empty} of {done.labelled} photographs"
    if done.empty < done.labelled:
        return text
    return f"{text}; if people are there, see whether its weights, results and confidence fit these photographs"


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    actions = {
        "build": (BuildConfig, build),
        "verify": (VerifyConfig, verify),
        "info": (InfoConfig, info),
        "view": (ViewConfig, view),
        "export": (ExportConfig, export),
    }
    return commands("distill-cache", "Make, verify, show and export soft labels.", actions, argv)
