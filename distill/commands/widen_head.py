"""A Keypoint R-CNN for other joints than it was published with.

python -m distill.commands.widen_head WEIGHTS --data.root SET --skeleton coco_foot_23 --out keypoint_rcnn_23.safetensors
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import save_file

from distill.commands.cli import command
from distill.data.keypoint_set import open_data
from distill.data.source import DataSource
from distill.labelling.keypoint_head import HeadTraining
from distill.pose.skeleton import get_skeleton
from distill.system.errors import InputError


@dataclass(frozen=True)
class WidenDataConfig(DataSource):
    """Annotated persons that the head learns from."""

    split: str = "train2017"
    "Split to learn from."


@dataclass(frozen=True)
class WidenConfig:
    """Widen a Keypoint R-CNN's head to another skeleton and train it with everything else frozen."""

    weights: Path
    "torchvision's published .pth, or a file of this command."
    data: WidenDataConfig
    "Photographs with annotated persons of the new skeleton."
    out: Path = Path("keypoint_rcnn.safetensors")
    "File to write; an interrupted run keeps its state beside it and goes on there."
    skeleton: str = "coco_foot_23"
    "Joints to find: a name, a YAML file, or auto for those of the set."
    known: str = "coco_17"
    "Joints that the file knows; those of the same name keep their weights."
    steps: int = 2000
    "Steps of the training."
    batch_size: int = 4
    "Photographs of a step."
    rate: float = 0.02
    "Learning rate at the start; it falls to nothing along half a cosine."
    short_side: int = 640
    "Of the photographs as the network sees them, pixels."
    whole_head: bool = False
    "Learn the head's convolutions too, not its last layer alone."
    device: str = "auto"
    "cpu, cuda, or auto: the first GPU if there is one."
    seed: int = 0
    "Of the new weights and the order of photographs."

    def __post_init__(self):
        for name, least in (("steps", 1), ("batch_size", 1), ("short_side", 64)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.rate <= 0:
            raise InputError(f"rate must be positive, not {self.rate}")
        if self.out.suffix != ".safetensors":
            raise InputError(f"out {self.out} must end in .safetensors")


def widen_head(config: WidenConfig):
    """Write the widened network, showing progress.

    Raises:
        InputError: the data cannot be learnt from.
        WeightsError: the file is no Keypoint R-CNN.
    """
    from distill.system.devices import choose_device
    from teachers.keypoint_rcnn import make_network, read_state, widen

    data = open_data(config.data, config.skeleton)
    wanted, known = data.skeleton.joints, get_skeleton(config.known).joints
    network = make_network(len(wanted), config.short_side)
    state = widen(read_state(config.weights, network), known, wanted, config.seed)
    network.load_state_dict(state)
    network.to(choose_device(config.device))
    config.out.parent.mkdir(parents=True, exist_ok=True)
    part = config.out.with_name(f"{config.out.name}.part")
    training = HeadTraining(network, data, config.batch_size, config.rate, config.seed, whole_head=config.whole_head)
    columns = (TextColumn("loss {task.fields[loss]:.3f}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("", total=config.steps, loss=float("nan"))
        training.run(config.steps, lambda step, loss: progress.update(task, completed=step, loss=loss), part)
    pending = config.out.with_name(f".{config.out.name}")
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, pending, {"joints": " ".join(wanted)})
    pending.replace(config.out)
    part.unlink(missing_ok=True)
    kept = sum(name in known for name in wanted)
    print(f"{config.out}: {len(wanted)} joints, {kept} of them kept, {config.steps} steps")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    return command("widen_head", WidenConfig.__doc__, WidenConfig, widen_head, argv)


if __name__ == "__main__":
    sys.exit(main())
