"""distill-train: a network from hard labels and soft labels."""

import sys

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from distill.commands.cli import command
from distill.training.config import TrainConfig


def train(config: TrainConfig) -> tuple[dict[str, float], int]:
    """Train as configured, showing progress; the last minival's figures, in the main process, and the steps done."""
    from distill.system.processes import join_slurm_step, lost_process_as_error
    from distill.training.trainer import Trainer

    join_slurm_step()
    with lost_process_as_error():
        trainer = Trainer(config)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, disable=not trainer.accelerator.is_main_process) as progress:
            labels = progress.add_task("reading soft labels", total=None, visible=False)
            training = progress.add_task("training", total=config.steps)
            metrics = trainer.run(
                lambda step, steps: progress.update(training, completed=step, total=steps),
                lambda done, total: progress.update(labels, completed=done, total=total, visible=True),
            )
            return metrics, trainer.state.step


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: TrainConfig):
        from accelerate import PartialState

        metrics, steps = train(config)
        if not PartialState().is_main_process:
            return
        figures = "  ".join(f"{k} {v:.3f}" for k, v in metrics.items() if v is not None)
        measured = f"minival of the moving average: {figures}" if figures else "no minival"
        print(f"{config.out}: {steps} steps done; {measured}")

    return command("distill-train", "Train a network from hard labels and soft labels.", TrainConfig, action, argv)


if __name__ == "__main__":
    sys.exit(main())
