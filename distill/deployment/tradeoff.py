"""The picture of what precision costs in time."""

from collections import defaultdict
from pathlib import Path

from distill.system.files import unfinished_file


def draw_tradeoff(path: Path, rows: list[dict]):
    """Draw AP against the median latency of models, a colour for each number of threads.

    Models of unknown AP are lines across, at their latency.

    Args:
        path: picture to write; the suffix gives the format.
        rows: `model`, `threads`, `p50_ms` and `ap`.

    Raises:
        OSError: it cannot be written.
    """
    # Without a screen matplotlib must not look for one, and its import is slow.
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.add_subplot()
    by_threads = defaultdict(list)
    for row in rows:
        by_threads[row["threads"]].append(row)
    for number, (threads, group) in enumerate(by_threads.items()):
        colour = f"C{number}"
        placed = [row for row in group if row["ap"] is not None]
        label = f"{threads} thread{'s' * (threads > 1)}"
        axes.scatter([r["p50_ms"] for r in placed], [100 * r["ap"] for r in placed], color=colour, label=label)
        for row in placed:
            offset = (6, 6 if number % 2 == 0 else -12)
            axes.annotate(
                Path(row["model"]).stem,
                (row["p50_ms"], 100 * row["ap"]),
                offset,
                textcoords="offset points",
                fontsize=8,
                color=colour,
            )
        for row in (row for row in group if row["ap"] is None):
            axes.axvline(row["p50_ms"], color=colour, linestyle=":", linewidth=1)
            where = (row["p50_ms"], 0.02)
            axes.annotate(
                Path(row["model"]).stem[:36],
                where,
                (3, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=7,
                color=colour,
                rotation=90,
            )
    axes.set(xscale="log", xlabel="median latency of one run, milliseconds", ylabel="AP, points")
    for shown_by in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        shown_by(FormatStrFormatter("%g"))
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    with unfinished_file(path) as temporary:
        figure.savefig(temporary, dpi=150)
