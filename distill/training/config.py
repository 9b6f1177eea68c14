"""The configuration of a training run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill.data.augment import AugmentConfig
from distill.data.source import DataSource
from distill.heads.registry import HEADS
from distill.networks.registry import NETWORKS
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.sizes import size_of
from distill.training.objective import LossConfig
from distill.training.optimizers.registry import OPTIMIZERS
from distill.training.schedules.registry import SCHEDULES


@dataclass(frozen=True)
class LearningSource(DataSource):
    """A set to learn from: photographs, annotations where there are any, and soft labels where there are any."""

    split: str = "train2017"
    "Split to learn from."
    soft_labels: str | None = None
    "Store of the split's soft labels, path or URL, as distill-cache wrote it; a set without learns from its hard ones."
    packed: Path | None = None
    "File of `distill-data pack` that photographs are read from, smaller; annotations and sizes stay the set's."
    share: int = 1
    "Samples of this set among as many as the shares of all sets add up to."

    def __post_init__(self):
        if self.share < 1:
            raise InputError(f"the share of {self.place} must be at least 1, not {self.share}; leave the set out")


@dataclass(frozen=True)
class TrainDataConfig(LearningSource):
    """Where photographs, annotations and soft labels are."""

    more: list[LearningSource] = field(default_factory=list)
    """Further sets to learn from, each as {root, split, format, annotations, images, soft_labels, share}, of the same
    joints; a set may lack some, see `distill-data merge`."""
    val_split: str = "val2017"
    "Split of the minival."
    val_annotations: Path | None = None
    "Annotation file of the minival, where root's layout does not say."
    val_images: Path | None = None
    "Folder of the minival's photographs, where root's layout does not say."
    val_soft_labels: str | None = None
    "Store of the minival's split, path or URL, whose teacher is shown beside the student in TensorBoard."
    preload_labels: bool = False
    """Read all soft labels once before training, whole files front to back, and hold their peaks: for stores on
    network file systems and object storage. Each training process does so for itself, in as many processes as
    workers, and holds 2.3 kB a photograph, 150 MB for the 64,115 of COCO that hold a labelled person; of sets in which
    the teacher's persons count these too."""
    whole_maps: bool = False
    """Make soft targets of the teacher's whole maps, warped as the photograph is, in the place of Gaussians at its
    peaks: also what is no peak, but only as sharp as the store's maps are. Each is read when it is needed, which is
    slower."""
    teacher_outlines: bool = False
    """Let the teacher's persons teach the attention where the outlines of people are unknown: within the hull of a
    person's joints somebody is, right beside it nobody; elsewhere nothing is taught."""
    sure_score: float = 0.08
    """Score from which a teacher's person is taught where nobody annotated; of persons whom it doubts more nothing is
    taught, neither that they are there nor that they are not."""
    skip_unlabelled: bool = False
    "Learn from the photographs that have a soft label when the store is incomplete, instead of refusing it."
    persons_only: bool = True
    "Leave out photographs that are annotated and show no labelled person."
    keep_in_memory: bool = False
    "Hold decoded photographs and masks in each loader worker; for sets that fit."
    workers: int = 1
    "Loader processes beside each training process; 0 loads in the training process."

    def __post_init__(self):
        super().__post_init__()
        if self.workers < 0:
            raise InputError(f"data.workers must not be negative, not {self.workers}")
        if not 0 <= self.sure_score <= 1:
            raise InputError(f"data.sure_score must lie in 0..1, not {self.sure_score}")

    @property
    def sets(self) -> list[LearningSource]:
        """All sets to learn from."""
        return [self, *self.more]

    @property
    def to_measure_on(self) -> DataSource:
        """Where the minival is."""
        return self.other(self.val_split, self.val_annotations, self.val_images)


@dataclass(frozen=True)
class LogConfig:
    """What is written down, and how often."""

    scalars_every: int = 50
    "Steps from one record of losses and learning rate to the next."
    images_every: int = 1000
    "Steps from one picture of samples, targets and maps to the next; 0 for none."
    histograms_every: int = 1000
    "Steps from one set of histograms of parameters and gradients to the next; 0 for none."
    minival_every: int = 1000
    "Steps from one minival to the next; 0 measures only after the last step."
    minival_images: int = 200
    "Photographs of the minival, those of lowest id in the validation split."
    checkpoint_every: int = 500
    "Steps from one writing of last.safetensors to the next."

    def __post_init__(self):
        for name in ("scalars_every", "minival_images", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise InputError(f"log.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("images_every", "histograms_every", "minival_every"):
            if getattr(self, name) < 0:
                raise InputError(f"log.{name} must not be negative, not {getattr(self, name)}")


@dataclass(frozen=True)
class TrainConfig:
    """Train a network from hard labels and soft labels."""

    data: TrainDataConfig = field(default_factory=TrainDataConfig)
    "Photographs, annotations and soft labels."
    out: Path = Path("runs/train")
    "Folder of the run: checkpoints and the TensorBoard log."
    limit: int | None = None
    "Learn from this many photographs of each set only, those of lowest id; all by default."
    model: Choice = field(default=Choice("attention_xs"), metadata={"registry": NETWORKS})
    "Network to train: a name, with options of its own."
    outputs: dict[str, Any] = field(default_factory=dict, metadata={"registry": HEADS})
    "Options of the network's outputs by name, and of outputs beside its usual ones; false leaves one out."
    weights: Path | None = None
    "Checkpoint to start from, also one of another skeleton or with other outputs; by default from scratch."
    skeleton: str = "coco_17"
    "Annotation scheme of the keypoints: a name, a YAML file, or auto for that of the annotation file."
    input_size: int | tuple[int, int] = 256
    "Side of the square input, or its width and height, pixels; multiples of 32."
    steps: int = 10000
    "Optimiser steps."
    batch_size: int = 32
    "Samples of one optimiser step, over all processes and micro-batches."
    accumulate: int = 1
    "Micro-batches that one optimiser step adds up."
    seed: int = 0
    "Of weights, order and augmentation."
    precision: str = "auto"
    "float32, bfloat16 or auto: bfloat16 on GPUs that compute in it and on CPUs that are faster in it."
    freeze: list[str] = field(default_factory=list)
    "Parts of the network that do not learn, such as backbone; their normalisation keeps its statistics."
    freeze_norm: bool = False
    "Keep batch normalisation at its starting statistics, so that any number of processes learns the same."
    compile: bool = False
    """Compile the network before the first step (torch.compile, which takes a minute and, on a CPU, a C++ compiler);
    what a pass gains by it is said and stands in the log."""
    eight_bits: bool = False
    "Round weights and activations as int8 stores them while learning, so that an int8 export loses less."
    ema_decay: float = 0.998
    "Decay of the moving average of the weights, which is what is evaluated; 0 for none."
    clip_norm: float = 5.0
    "Largest norm of the whole gradient; 0 does not clip."
    resume: str = "false"
    "false starts anew and refuses a folder that holds a run, auto goes on if there is one, a path goes on there."
    loss: LossConfig = field(default_factory=LossConfig)
    "How hard labels, soft labels and further losses share."
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    "Random changes of the samples."
    optimizer: Choice = field(default=Choice("sgd"), metadata={"registry": OPTIMIZERS})
    "How gradients become steps."
    schedule: Choice = field(default=Choice("sgdr"), metadata={"registry": SCHEDULES})
    "Learning rate of every step."
    log: LogConfig = field(default_factory=LogConfig)
    "What is written down."
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Trainings one after the other, by name, each with the settings in which it differs, such as {frozen: {steps: 500,
    freeze: [backbone]}, fine: {}}; each starts from the last weights of the one before, in a folder below out."""
    check: bool = False
    "Look the data, the network and its losses over before a long training, and train nothing."

    def __post_init__(self):
        for name in ("model", "optimizer", "schedule"):
            default = type(self).__dataclass_fields__[name].default
            object.__setattr__(self, name, default.merged(Choice.of(getattr(self, name))))
        object.__setattr__(self, "input_size", size_of(self.input_size, "input_size", multiple=32))
        if min(self.steps, self.batch_size, self.accumulate) < 1:
            raise InputError("steps, batch_size and accumulate must be at least 1")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit must be at least 1, not {self.limit}")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise InputError(f"precision must be auto, float32 or bfloat16, not {self.precision!r}")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay must lie in 0..1, not {self.ema_decay}")
        if not self.clip_norm >= 0:
            raise InputError(f"clip_norm must not be negative, not {self.clip_norm}")
        if self.loss.needs_soft_labels and not any(source.soft_labels for source in self.data.sets):
            raise InputError(
                f"loss.alpha is {self.loss.alpha} but data.soft_labels is not set: name a store of distill-cache, "
                "or set loss.alpha to 0 to learn from the hard labels alone"
            )
