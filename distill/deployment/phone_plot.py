"""The picture of what models take on phones."""

from pathlib import Path

from distill.system.files import unfinished_file

_PARTS = ("preprocessing", "inference", "decoding")


def draw_phones(path: Path, rows: list[dict]):
    """Draw a bar for each run, its median time cut into the three steps; a panel for each phone.

    Args:
        path: picture to write; the suffix gives the format.
        rows: `phone`, `model`, `delegate`, `threads`, `{part}_median_ms` and `inference_p95_ms`.

    Raises:
        OSError: it cannot be written.
    """
    # Without a screen matplotlib must not look for one, and its import is slow.
    from matplotlib.figure import Figure

    phones = list(dict.fromkeys(row["phone"] for row in rows))
    counts = [sum(row["phone"] == phone for row in rows) for phone in phones]
    figure = Figure(figsize=(9, 1.2 * len(phones) + 0.35 * sum(counts) + 0.8), layout="constrained")
    panels = figure.subplots(len(phones), 1, sharex=True, squeeze=False, height_ratios=counts)[:, 0]
    for axes, phone in zip(panels, phones, strict=True):
        shown = [row for row in rows if row["phone"] == phone]
        names = [f"{row['model']}  {row['delegate']} x{row['threads']:g}" for row in shown]
        left = [0.0] * len(shown)
        for part in _PARTS:
            widths = [row[f"{part}_median_ms"] or 0.0 for row in shown]
            axes.barh(range(len(shown)), widths, left=left, label=part)
            if part == "inference":
                ends = [start + width for start, width in zip(left, widths, strict=True)]
                beyond = [max(0.0, row["inference_p95_ms"] - width) for row, width in zip(shown, widths, strict=True)]
                axes.errorbar(ends, range(len(shown)), xerr=[[0] * len(shown), beyond], fmt="none", ecolor="black")
            left = [start + width for start, width in zip(left, widths, strict=True)]
        axes.set_yticks(range(len(shown)), names, fontsize=8)
        axes.invert_yaxis()
        axes.set_title(phone, fontsize=10, loc="left")
        axes.grid(axis="x", alpha=0.3)
    panels[-1].set_xlabel("median of one run, milliseconds; the line ends at the 95th percentile of inference")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3, fontsize=8)
    with unfinished_file(path) as temporary:
        figure.savefig(temporary, dpi=150)
