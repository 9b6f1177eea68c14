"""One network in several precisions: what each costs in AP, and which are refused for it."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.deployment.host_bench import average_precision
from distill.system.notes import note
from mobile import bench
from mobile.export import Exporter, ExportReport
from mobile.quantise import RANGES, Quantisation
from mobile.runtime import LiteRTModel

LARGEST_DROP = {"float16": 0.5, "int8": 2.0, "int16x8": 1.0, "dynamic_int8": 2.0}
"Points of AP that a precision may cost where nothing else is said."
LEAST_AGREEMENT = 0.7
"Mean OKS with float32's persons under which a precision is refused where no AP can be measured."
THREADS = (1, 2)


@dataclass(frozen=True)
class Variant:
    """What came of one precision."""

    quantisation: Quantisation
    "With the ranges that were chosen."
    report: ExportReport | None
    "None: refused, and not written."
    ap: float | None = None
    "COCO keypoint AP, 0..1, through LiteRT; None where it was not measured."
    drop: float | None = None
    "Points of AP below float32."
    agreement: float | None = None
    "Mean OKS of its persons and float32's, 0..1, where no AP was measured and either sees anybody."
    milliseconds: tuple[float, ...] = ()
    "Median time of a run with each number of `THREADS`."
    refusal: str = ""
    "Why it was not written."


@dataclass(frozen=True)
class Evaluation:
    """Photographs that the AP of every precision is measured on."""

    data: KeypointSet
    limit: int | None = None
    "So many, those of lowest id; None: all."

    def __call__(self, path: Path) -> float:
        """AP of a model, 0..1."""
        return average_precision(LiteRTModel(path), self.data, self.limit)


def evaluation_on(data: KeypointSet, limit: int | None) -> Evaluation | None:
    """What measures AP on photographs, or None, which is said, where nobody annotated them."""
    if data.annotations.labelled.any():
        return Evaluation(data, limit)
    note(f"nobody has a labelled joint in {data.annotation_file}: the AP of the model is not measured there")
    return None


def write_variants(
    exporter: Exporter,
    wanted: Sequence[tuple[Path, Quantisation]],
    calibration: np.ndarray | None,
    evaluation: Callable[[Path], float] | None,
    largest_drop: float | None = None,
    choice: Callable[[Path], float] | None = None,
    runs: int = 50,
    agreement: Callable[[Path, Path], float | None] | None = None,
) -> list[Variant]:
    """Write models of several precisions, leave out what loses too much AP, and time the rest in turns.

    Args:
        wanted: where to write which precision.
        calibration: see `mobile.quantise.quantise`.
        evaluation: AP of a model, 0..1, such as an `Evaluation`.
        largest_drop: points of AP below float32 that are accepted; by default `LARGEST_DROP`.
        choice: AP of a model on other photographs than `evaluation`'s; of int8 the kind of ranges is taken for
            which it is higher.
        runs: runs of each model with each number of threads.
        agreement: of two models, 0..1, such as an `Agreement`; asked without an evaluation, and under
            `LEAST_AGREEMENT` with float32 a precision is refused.

    Raises:
        ExportError: the network cannot be quantised, or float32 differs from torch.
        OSError: a folder cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        drafts = _Drafts(exporter, Path(folder), calibration)
        variants = []
        for path, quantisation in wanted:
            chosen, ap, drop = quantisation, None, None
            if choice is not None and quantisation.needs_photographs:
                candidates = [replace(quantisation, ranges=ranges) for ranges in RANGES]
                # Of equals the first wins: `max` keeps the order.
                chosen = max(candidates, key=lambda candidate: drafts.ap(candidate, choice))
            if evaluation is not None:
                ap = drafts.ap(chosen, evaluation)
                drop = 100 * (drafts.ap(Quantisation(), evaluation) - ap)
            limit = LARGEST_DROP.get(chosen.precision) if largest_drop is None else largest_drop
            if drop is not None and limit is not None and drop > limit:
                refusal = f"{path} is not written: {chosen.precision} loses {drop:.2f} points of AP, limit {limit:g}"
                variants.append(Variant(chosen, None, ap, drop, refusal=refusal))
                continue
            agreed = None if agreement is None or evaluation is not None else drafts.agreement(chosen, agreement)
            if agreed is not None and agreed < LEAST_AGREEMENT:
                refusal = (
                    f"{path} is not written: the persons of {chosen.precision} agree with float32's by {agreed:.2f} "
                    f"OKS only, least {LEAST_AGREEMENT:g}; name photographs to calibrate with by data.root"
                )
                variants.append(Variant(chosen, None, agreement=agreed, refusal=refusal))
                continue
            figures = {} if ap is None else {"ap": ap, "ap_drop_points": drop}
            figures |= {} if agreed is None else {"agreement": agreed}
            report = exporter.write(path, chosen, calibration, lambda model, figures=figures: figures)
            variants.append(Variant(chosen, report, ap, drop, agreed))
    return _timed(variants, runs)


class _Drafts:
    """AP of every precision, each written and measured once, in a folder that does not last."""

    def __init__(self, exporter: Exporter, folder: Path, calibration: np.ndarray | None):
        self.exporter, self.folder, self.calibration = exporter, folder, calibration
        self._paths: dict[Quantisation, Path] = {}
        self._known: dict[tuple[Quantisation, Callable[[Path], float]], float] = {}

    def ap(self, quantisation: Quantisation, measure: Callable[[Path], float]) -> float:
        key = quantisation, measure
        if key not in self._known:
            self._known[key] = measure(self._path(quantisation))
        return self._known[key]

    def agreement(self, quantisation: Quantisation, measure: Callable[[Path, Path], float | None]) -> float | None:
        """With float32; None of float32 itself."""
        if quantisation == Quantisation():
            return None
        return measure(self._path(quantisation), self._path(Quantisation()))

    def _path(self, quantisation: Quantisation) -> Path:
        if quantisation not in self._paths:
            path = self.folder / f"{len(self._paths)}.tflite"
            self.exporter.write(path, quantisation, self.calibration)
            self._paths[quantisation] = path
        return self._paths[quantisation]


def _timed(variants: list[Variant], runs: int) -> list[Variant]:
    paths = [variant.report.path for variant in variants if variant.report is not None]
    times = {(t.path, t.threads): t.percentile(50) for t in bench.measure(paths, THREADS, runs)}
    return [
        v if v.report is None else replace(v, milliseconds=tuple(times[v.report.path, n] for n in THREADS))
        for v in variants
    ]
