"""Precisions of one network beside one another, for the terminal."""

from rich.table import Table

from distill.deployment.precisions import THREADS, Variant


def precision_table(variants: list[Variant]) -> Table:
    """Precisions beside one another; times in milliseconds of one run."""
    shown = Table("model", "precision", title="precisions; errors against torch, times in milliseconds")
    for name in ("bytes", "AP", "points lost", "largest error", "mean error", *_thread_names(), "pieces"):
        shown.add_column(name, justify="right")
    for variant in variants:
        quantisation, report = variant.quantisation, variant.report
        kind = quantisation.precision + (f" {quantisation.ranges}" if quantisation.needs_photographs else "")
        ap = "-" if variant.ap is None else f"{variant.ap:.4f}"
        drop = "-" if variant.drop is None else f"{variant.drop:.2f}"
        if report is None:
            shown.add_row("refused", kind, "-", ap, drop)
            continue
        shown.add_row(
            report.path.name,
            kind,
            f"{report.bytes:,}",
            ap,
            drop,
            *(
                "\n".join(f"{n.split('_')[0]} {e:.1e}" for n, e in errors.items())
                for errors in (report.max_error, report.mean_error)
            ),
            *(f"{time:.2f}" for time in variant.milliseconds),
            f"{report.delegation.pieces}{'' if report.delegation.whole else '+'}",
        )
    shown.caption = "pieces: delegated parts, + where operators are left outside"
    return shown


def _thread_names() -> list[str]:
    return [f"{count} thread{'s' * (count > 1)}" for count in THREADS]
