"""What distill-eval writes with --analyse: errors, oracles, models side by side, the worst persons with pictures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Group
from rich.table import Table

from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet
from distill.drawing.persons import draw_persons
from distill.drawing.result_sheet import CELL, confident
from distill.drawing.sheet import contact_sheet, write_image
from distill.evaluation.analysis import KINDS, analyse
from distill.evaluation.coco import Predictions, evaluate
from distill.evaluation.comparison import compare
from distill.evaluation.correction import CORRECTIONS
from distill.evaluation.figures import telling_score
from distill.evaluation.models import load_model
from distill.evaluation.oracles import true_boxes, true_grouping
from distill.evaluation.predictor import Predictor, predict_all
from distill.labelling.teacher_pass import check_store
from distill.system.errors import InputError
from distill.system.files import write_atomically

ANALYSIS, SHEET, PICTURES = "analysis.json", "worst.jpg", "worst"
"What the folder holds."
_SHEET_ROWS = 24
_AROUND, _LONGEST_SIDE = 0.3, 480
"Margin around a worst person's box, in its longer side, and most pixels of a picture's longer side."


@dataclass(frozen=True)
class Analysed:
    """A model and what it found."""

    model: Path
    predictor: Predictor
    predictions: Predictions


def write_analysis(
    out: Path,
    analysed: Analysed,
    data: KeypointSet,
    image_ids: Sequence[int],
    *,
    against: Sequence[Path],
    soft_labels: str | None,
    bootstrap: int,
    batch_size: int,
    report: dict,
) -> dict:
    """Analyse, and write `ANALYSIS`, `SHEET` and `PICTURES` into a folder; the analysis.

    Args:
        against: further models to hold against the first.
        soft_labels: store of the same photographs, whose teacher is held against them, too.
        bootstrap: draws of the intervals.
        report: what distill-eval says of model and figures; goes into the analysis.

    Raises:
        InputError: a model or the data cannot be read, or a model has other joints.
        StoreError: the store is of other data, or incomplete.
        OSError: the folder cannot be written.
    """
    found = {analysed.model.name: analysed.predictions}
    for path in against:
        found[_name(path, found)] = _found_by(path, data, image_ids, batch_size)
    if soft_labels is not None:
        found["teacher"] = _of_teacher(soft_labels, data, image_ids)
    analysis = report | analyse(analysed.predictions, data, image_ids)
    analysis["oracles"] |= _oracles(analysed, data, image_ids, batch_size)
    analysis["models"] = compare(found, data, image_ids, samples=bootstrap)
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    shown = {"model": analysed.predictions} | ({"teacher": found["teacher"]} if "teacher" in found else {})
    least = {who: telling_score(predictions, data, image_ids) for who, predictions in shown.items()}
    rows = []
    for number, worst in enumerate(analysis["worst"], start=1):
        view = _View.around(worst, data)
        persons = {"truth": view.of(data.keypoints(worst["image_id"]))}
        for who, predictions in shown.items():
            each = _arrays(predictions, worst["image_id"], data)
            persons[who] = view.of(confident(*each, least[who]))
        name = f"{PICTURES}/{number:03}.jpg"
        write_image(out / name, view.picture)
        worst |= {"picture": name, "size": view.picture.shape[1::-1], "frame": view.frame}
        worst["persons"] = {who: np.round(those, 1).tolist() for who, those in persons.items()}
        if len(rows) < _SHEET_ROWS:
            drawn = (draw_persons(view.picture, those, data.skeleton) for those in persons.values())
            rows.append([view.picture, *drawn])
            titles = ["photograph", *persons]
    write_image(out / SHEET, contact_sheet(rows, titles, CELL))
    analysis["skeleton_limbs"] = data.skeleton.limb_index.tolist()
    write_atomically(out / ANALYSIS, json.dumps(analysis) + "\n")
    _remove_surplus(out, {worst["picture"] for worst in analysis["worst"]})
    return analysis


def tables(analysis: dict) -> Group:
    """The analysis for the terminal."""
    persons, joints = analysis["persons"], analysis["joints"]
    total = max(sum(joints.values()), 1)
    people = Table("persons", "count")
    for name, count in persons.items():
        people.add_row(name.replace("_", " "), str(count))
    errors = Table("joints of matched persons", "count", "share")
    for kind in KINDS:
        errors.add_row(kind, str(joints[kind]), f"{joints[kind] / total:.1%}")
    ap = Table("AP without", "it alone", "it and all above")
    ap.add_row("(as it is)", *[_figure(analysis["figures"]["ap"])] * 2)
    for kind in CORRECTIONS:
        ap.add_row(kind.replace("_", " "), *(_figure(analysis["ap"][how][kind]) for how in ("alone", "together")))
    oracles = Table("AP if the truth gave", "")
    for name, value in analysis["oracles"].items():
        oracles.add_row(name.replace("_", " "), _figure(value))
    models = Table("model", "AP", "95 %", "difference", "95 %")
    for name, row in analysis["models"].items():
        difference = row.get("difference")
        change = ("", "") if difference is None else (f"{difference:+.3f}", _interval(row["difference_interval"], "+"))
        models.add_row(name, _figure(row["ap"]), _interval(row["interval"]), *change)
    return Group(people, errors, ap, oracles, models)


def _remove_surplus(out: Path, named: set[str]):
    """Remove pictures of an earlier analysis in the same folder that this one does not name."""
    for picture in (out / PICTURES).glob("[0-9][0-9][0-9].jpg"):
        if f"{PICTURES}/{picture.name}" not in named:
            picture.unlink(missing_ok=True)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(interval: Sequence[float], sign: str = "") -> str:
    return " to ".join(f"{value:{sign}.3f}" for value in interval)


def _name(path: Path, taken: dict) -> str:
    return path.name if path.name not in taken else str(path)


def _found_by(path: Path, data: KeypointSet, image_ids: Sequence[int], batch_size: int) -> Predictions:
    model = load_model(path)
    if model.skeleton.joints != data.skeleton.joints:
        raise InputError(f"against {path}: its joints are those of {model.skeleton.name}, not {data.skeleton.name}")
    return predict_all(model.predictor(), data, image_ids, batch_size)


def _of_teacher(soft_labels: str, data: KeypointSet, image_ids: Sequence[int]) -> Predictions:
    store = SoftLabelStore.open(soft_labels)
    check_store(store, data, np.array(image_ids))
    return {image_id: store.read_persons(image_id) for image_id in image_ids}


def _oracles(analysed: Analysed, data: KeypointSet, image_ids: Sequence[int], batch_size: int) -> dict:
    """AP with true boxes, and with true grouping where the model gives maps."""
    predictor = analysed.predictor
    oracles = {"boxes": evaluate(true_boxes(predictor, data, image_ids, batch_size), data, image_ids)["ap"]}
    if predictor.gives_maps:
        found = true_grouping(predictor, data, image_ids, batch_size)
        oracles["grouping"] = evaluate(found, data, image_ids)["ap"]
    return oracles


@dataclass(frozen=True)
class _View:
    """The picture around a person."""

    picture: np.ndarray
    "(h, w, 3) uint8 RGB."
    corner: np.ndarray
    "x, y of its upper left corner in the photograph."
    scale: float
    "Its pixels to one of the photograph."
    frame: list[float]
    "The person's box x, y, width, height in it."

    @classmethod
    def around(cls, worst: dict, data: KeypointSet) -> "_View":
        photograph = data.photograph(worst["image_id"])
        size, box = np.array(photograph.shape[1::-1]), np.array(worst["box"])
        margin = _AROUND * box[2:].max()
        low = np.floor(box[:2] - margin).astype(int).clip(0, size - 1)
        high = np.ceil(box[:2] + box[2:] + margin).astype(int).clip(low + 1, size)
        scale = min(1.0, _LONGEST_SIDE / (high - low).max())
        pixels = photograph[low[1] : high[1], low[0] : high[0]]
        picture = draw_persons(pixels, np.zeros((0, len(data.skeleton), 3)), data.skeleton, scale=scale)
        frame = [*((box[:2] - low) * scale).tolist(), *(box[2:] * scale).tolist()]
        return cls(picture, low, scale, frame)

    def of(self, persons: np.ndarray) -> np.ndarray:
        """Persons (P, K, 3) of the photograph in the picture's pixels."""
        moved = np.array(persons, np.float64)
        moved[..., :2] = (moved[..., :2] - self.corner) * self.scale
        return moved


def _arrays(predictions: Predictions, image_id: int, data: KeypointSet) -> tuple[np.ndarray, np.ndarray]:
    persons, scores = predictions.get(image_id, ([], []))
    return np.reshape(persons, (-1, len(data.skeleton), 3)).astype(np.float32), np.asarray(scores)
