"""distill-inspect: what is inside a .tflite."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table

from distill.commands.cli import command
from distill.system.errors import InputError
from distill.system.files import write_atomically
from mobile.inspection import Summary, Tensor, render, summarise

_FILE_WIDTH = 140


@dataclass(frozen=True)
class InspectConfig:
    """Show inputs, outputs, operators, quantisation and size by layer of a .tflite model."""

    model: Path
    "Model, .tflite; any, not only ours."
    html: Path | None = None
    "Page to write, .html, with every layer and tensor."
    layers: int = 12
    "Largest layers to print; the page has them all."

    def __post_init__(self):
        if self.html is not None and self.html.suffix not in (".html", ".htm"):
            raise InputError(f"html {self.html} must end in .html")
        if self.layers < 0:
            raise InputError(f"layers must be 0 or more, not {self.layers}")


def inspect_model(config: InspectConfig) -> Summary:
    """Read a model and write the page, if one is asked for.

    Raises:
        ExportError: the file is no .tflite, or damaged.
        OSError: it cannot be read, or the page cannot be written.
    """
    summary = summarise(config.model)
    if config.html is not None:
        write_atomically(config.html, render(summary))
    return summary


def tables(summary: Summary, layers: int) -> Group:
    """A summary for the terminal."""
    return Group(
        f"{summary.path}: {summary.bytes:,} bytes, {len(summary.operators)} operators, "
        f"{summary.macs / 1e6:.1f} M multiplications, {_delegated(summary)}",
        f"SHA-256 {summary.sha256}",
        _ends(summary),
        _operators(summary),
        _types(summary),
        *([_layers(summary, layers)] if layers else []),
    )


def _delegated(summary: Summary) -> str:
    found = summary.delegation
    if found is None:
        return "cannot be run on this host"
    rest = "the whole graph" if found.whole else "operators are left outside"
    return f"delegated in {found.pieces} piece{'s' * (found.pieces != 1)} ({rest})"


def _ends(summary: Summary) -> Table:
    table = Table("", "tensor", "name", "shape", "type", "quantisation", title="inputs and outputs")
    main = summary.subgraphs[0]
    for kind, tensors in (("input", main.inputs), ("output", main.outputs)):
        for tensor in tensors:
            table.add_row(
                kind, str(tensor.index), tensor.name, _shape(tensor), tensor.dtype, tensor.quantisation or "-"
            )
    return table


def _operators(summary: Summary) -> Table:
    table = _right(Table("operator", title="operators"), "count", "versions", "bytes of constants")
    for name, versions, count, size in summary.kinds():
        table.add_row(name, str(count), ", ".join(map(str, versions)), f"{size:,}")
    return table


def _types(summary: Summary) -> Table:
    table = _right(Table("type", title="types"), "constants", "bytes", "computed tensors")
    for dtype, constants, size, computed in summary.types():
        table.add_row(dtype, str(constants), f"{size:,}", str(computed))
    return table


def _layers(summary: Summary, count: int) -> Table:
    table = Table("layer", "operator", "result", "shape", title=f"the {count} largest layers")
    _right(table, "multiplications", "bytes", "of the file")
    for operator in sorted(summary.operators, key=lambda o: -o.bytes)[:count]:
        result = operator.outputs[0] if operator.outputs else None
        table.add_row(
            str(operator.index),
            operator.name,
            result.short_name if result else "-",
            _shape(result) if result else "-",
            "-" if operator.macs is None else f"{operator.macs:,}",
            f"{operator.bytes:,}",
            f"{operator.bytes / summary.bytes:.1%}",
        )
    return table


def _right(table: Table, *names: str) -> Table:
    for name in names:
        table.add_column(name, justify="right")
    return table


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape))


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: InspectConfig):
        summary = inspect_model(config)
        Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(tables(summary, config.layers))
        if config.html is not None:
            print(f"{config.html}: every layer and tensor")

    return command("distill-inspect", InspectConfig.__doc__, InspectConfig, action, argv)
