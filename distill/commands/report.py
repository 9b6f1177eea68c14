"""distill-report: what a training and its models came to, as one page for a browser."""

from dataclasses import dataclass, field
from pathlib import Path

from distill.commands.cli import command
from distill.reporting.page import Sources, render
from distill.system.errors import InputError
from distill.system.files import write_atomically


@dataclass(frozen=True)
class ReportConfig:
    """One HTML file that needs no network: runs, errors, worst persons, labels, exported models."""

    runs: list[Path]
    "Folders of distill-train, finished or not."
    out: Path = Path("report.html")
    "Page to write, .html."
    analyses: list[Path] = field(default_factory=list)
    "Folders of distill-eval --analyse; by default the analysis/ of each run that has one."
    stores: list[str] = field(default_factory=list)
    "Stores of soft labels, paths or URLs."
    models: list[Path] = field(default_factory=list)
    "Exported models, .tflite, their JSON beside them."
    benchmarks: list[Path] = field(default_factory=list)
    "Reports of distill-bench host, .json."
    worst: int = 40
    "Worst persons to show of each analysis."

    def __post_init__(self):
        if self.out.suffix not in (".html", ".htm"):
            raise InputError(f"out {self.out} must end in .html")
        if self.worst < 0:
            raise InputError(f"worst must be 0 or more, not {self.worst}")
        if not self.runs:
            raise InputError("runs is empty; name at least one folder that distill-train wrote")


def write_report(config: ReportConfig):
    """Write the page.

    Raises:
        InputError, StoreError, ExportError: a source cannot be read.
        OSError: the page cannot be written.
    """
    analyses = config.analyses or [run / "analysis" for run in config.runs if (run / "analysis").is_dir()]
    sources = Sources(config.runs, analyses, config.stores, config.models, config.benchmarks, config.worst)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(config.out, render(sources))


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: ReportConfig):
        write_report(config)
        print(config.out)

    return command("distill-report", "What a training and its models came to, as one page.", ReportConfig, action, argv)
