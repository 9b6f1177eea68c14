"""The tables of what models take on phones."""

import statistics
from itertools import groupby

from rich.table import Table

from distill.deployment.phone_agreement import PhoneAgreement
from mobile.android_bench import Measured, Run

_STEPS = ("preprocessing", "inference", "decoding", "total", "bare")
_FIGURES = ("min", "mean", "median", "p90", "p95", "p99", "max", "std")
_CELL = ("phone", "model", "sha256", "delegate", "threads")


def row_of(serial: str, run: Run, measured: Measured, agreement: PhoneAgreement | None) -> dict:
    """One line of table.csv, for one launch, as mobile/android/table.schema.json describes it."""
    result = measured.result
    device, times, memory, model = result["device"], result["times"], result["memory"], result["model"]
    size = model["input"]
    return {
        "phone": f"{device['manufacturer']} {device['model']} ({serial})",
        "soc": device["soc"],
        "android": device["android"],
        "api_level": device["api_level"],
        "abi": device["abi"],
        "page_size": device["page_size"],
        "debuggable": device["debuggable"],
        "compiled": measured.compiled,
        "runtime": f"{result['runtime']['name']} {result['runtime']['version']}",
        "model": run.cell.model.stem,
        "sha256": model["sha256"],
        "precision": model["precision"],
        "input": "unknown" if size is None else f"{size[0]}x{size[1]}",
        "delegate": run.cell.delegate,
        "threads": run.cell.threads,
        "launch": run.launch,
        "started": result["started"],
        "runs": times["inference"]["runs"],
        "initialisation_ms": times["initialisation"],
        "first_ms": times["first"],
        "warmup_mean_ms": None if times["warmup"] is None else times["warmup"]["mean"],
        **{
            f"{step}_{figure}_ms": None if times[step] is None else times[step][figure]
            for step in _STEPS
            for figure in _FIGURES
        },
        "delegated_share": result["delegate"]["share"],
        "half_precision": result["request"]["half_precision"],
        "agreement_oks": None if agreement is None else agreement.persons,
        "largest_difference": None if agreement is None else agreement.maps,
        "memory_before_bytes": memory["before"],
        "memory_peak_bytes": memory["peak"] if memory["peak_reset"] else "unknown",
        "thermal_before": result["thermal"]["before"]["status"],
        "thermal_after": result["thermal"]["after"]["status"],
        "battery_celsius_before": result["thermal"]["before"]["battery_celsius"],
        "power_save": result["screen"]["after"]["power_save"],
        "persons": len(result["persons"]),
    }


def cells_of(rows: list[dict]) -> list[dict]:
    """For each model, delegate and number of threads on each phone the median over its launches.

    What is no number is that of the first launch. `launches` says how many there were, `spread` by how much the
    medians of their inference differ at most, as a share of the median over them.
    """
    cells = []
    for _, group in groupby(sorted(rows, key=_cell), key=_cell):
        launches = sorted(group, key=lambda row: row["launch"])
        cell = {name: _middle([row[name] for row in launches]) for name in launches[0] if name != "launch"}
        medians = [row["inference_median_ms"] for row in launches]
        spread = (max(medians) - min(medians)) / max(cell["inference_median_ms"], 1e-9)
        cells.append(cell | {"launches": len(launches), "spread": spread})
    return cells


def _cell(row: dict) -> tuple:
    return tuple(row[name] for name in _CELL)


def _middle(values: list) -> object:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return statistics.median(numbers) if len(numbers) == len(values) else values[0]


def phone_table(cells: list[dict]) -> Table:
    """The figures of all cells; times in milliseconds."""
    shown = Table(title="milliseconds, medians over the launches")
    for name in ("phone", "model", "precision", "delegate"):
        shown.add_column(name, overflow="fold")
    for name in "threads init first p50 spread p90 bare before after share OKS MB heat".split():
        shown.add_column(name, justify="right")
    for cell in cells:
        times = [cell[f"{name}_ms"] for name in ("initialisation", "first", "inference_median")]
        rest = [cell[f"{name}_ms"] for name in ("inference_p90", "bare_median")]
        rest += [cell[f"{name}_median_ms"] for name in ("preprocessing", "decoding")]
        share, peak = cell["delegated_share"], cell["memory_peak_bytes"]
        shown.add_row(
            *(cell[name] for name in ("phone", "model", "precision", "delegate")),
            f"{cell['threads']:g}",
            *map(_number, times),
            f"{cell['spread']:.0%} of {cell['launches']}",
            *map(_number, rest),
            share if share == "unknown" else f"{share:.0%}",
            "-" if cell["agreement_oks"] is None else f"{cell['agreement_oks']:.3f}",
            peak if peak == "unknown" else f"{peak / 1e6:.1f}",
            f"{cell['thermal_before']} > {cell['thermal_after']}",
        )
    shown.caption = (
        "init, first: initialisation and first inference; spread: between launches; bare: the runtime's invocation "
        "alone; before, after: the other steps; share: of the operators, delegated; OKS: with this host's persons"
    )
    if any(cell["debuggable"] for cell in cells):
        shown.caption += ". A DEBUG BUILD of the app ran: its Java is slower"
    return shown


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
