"""distill-train: a network from hard labels and soft labels."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from distill.commands.cli import command
from distill.commands.train_stages import is_finished, stage_configs
from distill.system.errors import InputError
from distill.training.config import TrainConfig

Metrics = dict[str, float | None]


def train(config: TrainConfig) -> tuple[Metrics, int]:
    """Train as configured, showing progress; the last minival's figures, in the main process, and the steps done.

    Several stages are trained one after the other; with `resume` auto those that are finished are passed over.
    """
    if not config.stages:
        return _train_one(config, "training")
    metrics, steps = {}, 0
    configs = stage_configs(config)
    for number, (name, stage) in enumerate(configs.items(), 1):
        known, is_last = is_finished(stage), number == len(configs)
        metrics, done = (known.metrics, known.step) if known else _train_one(stage, name, is_last)
        steps += done
        if _is_main_process():
            print(f"{stage.out}: {done} steps done; {_measured(metrics)}")
    return metrics, steps


def check(config: TrainConfig):
    """Look over what a training would be made of, and print a table.

    Raises:
        InputError: something is wrong; or there are stages, which are checked one by one.
    """
    from distill.training.checkup import check_up

    for name, stage in (stage_configs(config) or {"": config}).items():
        table = Table("check", "found", "", title=name or None)
        findings = check_up(stage)
        for finding in findings:
            table.add_row(finding.name, finding.found, "ok" if finding.is_good else "[bold red]wrong")
        Console().print(table)
        if wrong := [finding.name for finding in findings if not finding.is_good]:
            raise InputError(f"{len(wrong)} of {len(findings)} checks failed: {', '.join(wrong)}")


def _train_one(config: TrainConfig, title: str, is_last: bool = True) -> tuple[Metrics, int]:
    from distill.system.processes import join_slurm_step, lost_process_as_error
    from distill.training.trainer import Trainer

    join_slurm_step()
    with lost_process_as_error():
        trainer = Trainer(config, is_last)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, disable=not trainer.accelerator.is_main_process) as progress:
            labels = progress.add_task("reading soft labels", total=None, visible=False)
            training = progress.add_task(title, total=config.steps)
            metrics = trainer.run(
                lambda step, steps: progress.update(training, completed=step, total=steps),
                lambda done, total: progress.update(labels, completed=done, total=total, visible=True),
            )
            return metrics, trainer.state.step


def _is_main_process() -> bool:
    from accelerate import PartialState

    return PartialState().is_main_process


def _measured(metrics: Metrics) -> str:
    figures = "  ".join(f"{k} {v:.3f}" for k, v in metrics.items() if v is not None)
    return f"minival of the moving average: {figures}" if figures else "no minival"


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: TrainConfig):
        if config.check:
            return check(config)
        metrics, steps = train(config)
        if not config.stages and _is_main_process():
            print(f"{config.out}: {steps} steps done; {_measured(metrics)}")
        return None

    return command("distill-train", "Train a network from hard labels and soft labels.", TrainConfig, action, argv)


if __name__ == "__main__":
    sys.exit(main())
