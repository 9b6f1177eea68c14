"""distill-average: one network out of several checkpoints of a training."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.progress import track

from distill.commands.cli import command
from distill.data.augment import AugmentConfig
from distill.data.loader import StepSampler, make_loader
from distill.networks.checkpoint import CheckpointInfo, save_checkpoint
from distill.system.errors import InputError
from distill.training.averaging import average, refresh_statistics
from distill.training.config import TrainConfig, TrainDataConfig
from distill.training.learning_data import open_learning_data
from distill.training.objective import LossConfig


@dataclass(frozen=True)
class AverageConfig:
    """Average the weights of checkpoints, such as those at the ends of cycles, and measure the normalisation anew."""

    checkpoints: list[Path]
    "Checkpoints of one training, two or more, such as runs/mine/restart_*.safetensors."
    out: Path = Path("average.safetensors")
    "Checkpoint to write."
    data: TrainDataConfig = field(default_factory=TrainDataConfig)
    "Photographs whose statistics the normalisation takes, those of the training."
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    "Random changes of them; best those of the training."
    batches: int = 100
    "Batches that the statistics are measured on."
    batch_size: int = 32
    "Samples of a batch."

    def __post_init__(self):
        if min(self.batches, self.batch_size) < 1:
            raise InputError("batches and batch_size must be at least 1")
        if self.out.suffix != ".safetensors":
            raise InputError(f"out {self.out} must end in .safetensors")
        if self.out in self.checkpoints:
            raise InputError(f"out {self.out} is one of the checkpoints; name another file")


def average_checkpoints(config: AverageConfig) -> CheckpointInfo:
    """Average as configured, showing progress, and write the checkpoint.

    Raises:
        InputError: checkpoints or data cannot be read, or do not fit one another.
        OSError: the checkpoint cannot be written.
    """
    network, info = average(config.checkpoints)
    training = TrainConfig(
        data=replace(config.data, persons_only=False),
        skeleton="auto",
        input_size=info.input_size,
        loss=LossConfig(alpha=0.0),
        augment=config.augment,
    )
    data = open_learning_data(training)
    sampler = StepSampler(data.mixture(0), config.batch_size, 0, config.batches)
    batches = make_loader(data.samples(training), sampler, config.data.workers)
    refresh_statistics(network, iter(track(batches, "statistics", total=config.batches)))
    info = replace(info, config={"average_of": [str(path) for path in config.checkpoints]})
    config.out.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(config.out, info, network.state_dict())
    return info


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: AverageConfig):
        info = average_checkpoints(config)
        print(f"{config.out}: average of {len(config.checkpoints)} checkpoints of {info.name}")

    return command("distill-average", AverageConfig.__doc__, AverageConfig, action, argv)


if __name__ == "__main__":
    sys.exit(main())
