"""Precisions of one network beside one another, for the terminal."""

from rich.table import Table

from distill.deployment.precisions import THREADS, Variant

_FORMATS = {"AP": ".4f", "points lost": ".2f", "agreement": ".3f"}


def precision_table(variants: list[Variant]) -> Table:
    """Precisions beside one another; times in milliseconds of one run."""
    shown = Table("model", "precision", title="precisions; errors against torch, times in milliseconds")
    # Where AP was measured agreement was not.
    is_measured = any(variant.ap is not None for variant in variants)
    judged = ("AP", "points lost") if is_measured else ("agreement",)
    for name in ("bytes", *judged, "largest error", "mean error", *_thread_names(), "pieces"):
        shown.add_column(name, justify="right")
    for variant in variants:
        quantisation, report = variant.quantisation, variant.report
        kind = quantisation.precision + (f" {quantisation.ranges}" if quantisation.needs_photographs else "")
        values = {"AP": variant.ap, "points lost": variant.drop, "agreement": variant.agreement}
        figures = ["-" if values[name] is None else f"{values[name]:{_FORMATS[name]}}" for name in judged]
        if report is None:
            shown.add_row("refused", kind, "-", *figures)
            continue
        shown.add_row(
            report.path.name,
            kind,
            f"{report.bytes:,}",
            *figures,
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
