"""Gathers what is known of a training and writes it as one HTML file that needs no network."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import distill
from cache.store import SoftLabelStore
from distill.evaluation.analysis import KINDS
from distill.evaluation.coco import FIGURES
from distill.evaluation.correction import CORRECTIONS
from distill.reporting.charts import HEIGHT, WIDTH, Chart, chart
from distill.reporting.runs import Run, read_run
from distill.system.errors import InputError
from distill.training.logbook import CYCLE_END
from mobile import metadata

_SHOWN = ("loss", "minival", "learning_rate")
"What the tags of curves begin with that a page shows."
_SEEN_JOINT = 0.15
"Score under which a found joint is not drawn."
PEOPLE = ("truth", "teacher", "model")
"Whose skeletons can be switched on and off."


@dataclass(frozen=True)
class Sources:
    """What goes into a page."""

    runs: Sequence[Path]
    "Folders of distill-train."
    analyses: Sequence[Path]
    "Folders of distill-eval --analyse."
    stores: Sequence[str]
    "Soft labels."
    models: Sequence[Path]
    "Exported ones, .tflite."
    benchmarks: Sequence[Path]
    "JSON of distill-bench host."
    worst: int
    "How many of the worst persons are shown."


def render(sources: Sources) -> str:
    """The page.

    Raises:
        InputError: one of the sources is missing, damaged or something else.
        StoreError, ExportError: a store or a model cannot be read.
    """
    environment = Environment(
        loader=PackageLoader("distill", "reporting/templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    runs = [read_run(folder) for folder in sources.runs]
    analyses = [_analysis(folder, sources.worst) for folder in sources.analyses]
    return environment.get_template("report.html").render(
        title=", ".join(run.folder.name for run in runs),
        version=distill.__version__,
        runs=[
            {"run": run, "charts": _curves(run), "identity": json.dumps(run.info.identity, indent=1)} for run in runs
        ],
        analyses=analyses,
        layers={who for analysis in analyses for worst in analysis["worst"] for who in worst["persons"]},
        stores=[_store(url) for url in sources.stores],
        models=[_model(path) for path in sources.models],
        benchmarks=[_benchmark(path) for path in sources.benchmarks],
        figures=FIGURES,
        kinds=KINDS,
        corrections=CORRECTIONS,
        people=PEOPLE,
        width=WIDTH,
        height=HEIGHT,
    )


def _training(run: Run) -> dict:
    return {"run": run, "charts": _curves(run), "identity": json.dumps(run.info.identity, indent=1)}


def _curves(run: Run) -> list[Chart]:
    """One chart of each group of curves; a vertical line where a cycle of the learning rate ends."""
    groups: dict[str, dict] = {}
    for tag, curve in run.curves.items():
        group, _, name = tag.rpartition("/")
        if tag.startswith(_SHOWN):
            groups.setdefault(group or tag, {})[name] = curve
    marks = [step for step, _ in run.curves.get(CYCLE_END, ())]
    return [made for group, series in groups.items() if (made := chart(group, series, marks=marks))]


def _analysis(folder: Path, worst: int) -> dict:
    """An analysis with its charts, and the worst persons with their pictures inside."""
    path = folder / "analysis.json"
    try:
        analysis = json.loads(path.read_bytes())
        curves = {
            f"OKS {name}" if name[0].isdigit() else name: [(i / 100, p) for i, p in enumerate(values)]
            for name, values in analysis["precision_recall"].items()
        }
        bins = analysis["calibration"]["bins"]
        calibration = {
            "similarity": [(b["score"], b["oks"]) for b in bins],
            "share right": [(b["score"], b["right"]) for b in bins],
            "ideal": [(0.0, 0.0), (1.0, 1.0)],
        }
        return {
            "folder": folder,
            "data": analysis,
            "total": max(sum(analysis["joints"].values()), 1),
            "charts": [
                chart("precision over recall", curves, y_range=(0, 1), ends=False),
                chart("what a score is worth", calibration, y_range=(0, 1), ends=False),
            ],
            "worst": [_worst(folder, each, analysis["skeleton_limbs"]) for each in analysis["worst"][:worst]],
        }
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} does not exist; name a folder that distill-eval --analyse wrote") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path} is no analysis of this version ({error!r}); write it anew") from None


def _worst(folder: Path, worst: dict, limbs: list) -> dict:
    picture = base64.b64encode((folder / worst["picture"]).read_bytes()).decode()
    drawn = {
        who: [
            _skeleton(person, limbs, 0 if who == "truth" else _SEEN_JOINT) for person in worst["persons"].get(who, [])
        ]
        for who in PEOPLE
    }
    return worst | {"source": f"data:image/jpeg;base64,{picture}", "drawn": drawn}


def _skeleton(person: list, limbs: list, above: float) -> dict:
    """Lines and dots of one person, x and y by joint where it is known."""
    seen = [score > above for _, _, score in person]
    lines = [(*person[a][:2], *person[b][:2]) for a, b in limbs if seen[a] and seen[b]]
    return {"lines": lines, "dots": [joint[:2] for joint, known in zip(person, seen, strict=True) if known]}


def _store(url: str) -> dict:
    store = SoftLabelStore.open(url)
    folder = Path(url)
    files = [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    evaluation = folder / "evaluation.json"
    return {
        "url": url,
        "images": len(store),
        "complete": not store.missing_shards(checksums=False),
        "bytes": sum(file.stat().st_size for file in files),
        "ap": json.loads(evaluation.read_bytes()).get("ap") if evaluation.is_file() else None,
        "teacher": json.dumps(store.attributes.get("teacher"), indent=1),
    }


def _model(path: Path) -> dict:
    if not path.is_file():
        raise InputError(f"model {path} does not exist; name a .tflite")
    described = metadata.read(path)
    return {
        "name": path.name,
        "bytes": path.stat().st_size,
        "sha256": metadata.model_sha256(path),
        "precision": described["precision"].get("precision", ""),
        "input": described["input"],
    }


def _benchmark(path: Path) -> dict:
    try:
        report = json.loads(path.read_bytes())
        return {"path": path, "machine": report["machine"], "rows": report["models"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no report of distill-bench host ({error!r})") from None
