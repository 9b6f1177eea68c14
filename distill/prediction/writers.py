"""What was found, as files: COCO results, CSV, YOLO-pose labels, NumPy, and annotated pictures and videos."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from distill.data.reading.locate import image_ids_of
from distill.drawing.persons import draw_persons
from distill.evaluation.coco import to_results
from distill.pose.skeleton import Skeleton
from distill.prediction.model import Person
from distill.prediction.sources import PHOTOGRAPHS
from distill.system.files import write_atomically


@dataclass(frozen=True)
class Seen:
    """The persons of one frame."""

    number: int
    time: float
    name: str
    size: tuple[int, int]
    "Width and height of the frame, pixels."
    persons: Sequence[Person]


def write_coco(folder: Path, name: str, seen: Sequence[Seen], skeleton: Skeleton) -> Path:
    """FOLDER/NAME.json: COCO's keypoint results; images have the ids that a folder of them has as a set, or frames."""
    ids = _image_ids(name, seen)
    in_order = sorted(zip(ids, seen, strict=True), key=lambda pair: pair[0])
    found = {i: (_keypoints(each.persons, skeleton), [one.score for one in each.persons]) for i, each in in_order}
    results = to_results(found, 1)
    persons = [person for _, each in in_order for person in each.persons]
    for result, person in zip(results, persons, strict=True):
        if person.track is not None:
            result["track_id"] = person.track
    path = folder / f"{name}.json"
    write_atomically(path, json.dumps(results))
    return path


def write_csv(folder: Path, name: str, seen: Sequence[Seen], skeleton: Skeleton) -> Path:
    """FOLDER/NAME.csv: a row for each joint that was found."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["frame", "time", "file", "person", "track", "score", "joint", "x", "y", "confidence"])
    for each in seen:
        for number, person in enumerate(each.persons):
            for joint, (x, y, confidence) in zip(skeleton.joints, person.keypoints.tolist(), strict=True):
                if confidence > 0:
                    track = "" if person.track is None else person.track
                    place = (f"{x:.3f}", f"{y:.3f}", f"{confidence:.4f}")
                    start = (each.number, f"{each.time:.4f}", each.name, number, track, f"{person.score:.4f}")
                    rows.writerow([*start, joint, *place])
    path = folder / f"{name}.csv"
    write_atomically(path, table.getvalue())
    return path


def write_yolo(folder: Path, name: str, seen: Sequence[Seen], skeleton: Skeleton) -> Path:
    """FOLDER/labels/NAME/*.txt: one file a frame, one line a person: class, box and joints in parts of the picture."""
    place = folder / "labels" / name
    place.mkdir(parents=True, exist_ok=True)
    for each in seen:
        stem = Path(each.name).stem if name == PHOTOGRAPHS else f"{name}_{each.number:06d}"
        write_atomically(place / f"{stem}.txt", "".join(_yolo_line(person, each.size) for person in each.persons))
    return place


def write_numpy(folder: Path, name: str, seen: Sequence[Seen], skeleton: Skeleton) -> Path:
    """FOLDER/NAME.npz: frame, time, name, score, track (-1: none) and keypoints of every person, and the joints."""
    pairs = [(each, person) for each in seen for person in each.persons]
    content = io.BytesIO()
    np.savez(
        content,
        frame=np.array([each.number for each, _ in pairs], np.int64),
        time=np.array([each.time for each, _ in pairs]),
        name=np.array([each.name for each, _ in pairs], dtype=str),
        score=np.array([person.score for _, person in pairs], np.float32),
        track=np.array([-1 if person.track is None else person.track for _, person in pairs], np.int64),
        keypoints=_keypoints([person for _, person in pairs], skeleton),
        joints=np.array(skeleton.joints, dtype=str),
    )
    path = folder / f"{name}.npz"
    write_atomically(path, content.getvalue())
    return path


WRITERS: dict[str, Callable[[Path, str, Sequence[Seen], Skeleton], Path]] = {
    "coco": write_coco,
    "csv": write_csv,
    "yolo": write_yolo,
    "numpy": write_numpy,
}
"By the name of the format; each returns what it wrote."


def annotated(pixels: np.ndarray, persons: Sequence[Person], skeleton: Skeleton) -> np.ndarray:
    """A picture with its persons drawn, each with the number and in the colour of its track where it has one."""
    numbers = [row if person.track is None else person.track for row, person in enumerate(persons)]
    canvas = draw_persons(pixels, _keypoints(persons, skeleton), skeleton, numbers=numbers)
    size = max(0.4, min(pixels.shape[:2]) / 600)
    for person in persons:
        if person.track is not None:
            x, y, *_ = person.box
            corner = (int(x), max(int(y) - 4, int(24 * size)))
            for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):
                cv2.putText(
                    canvas, str(person.track), corner, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA
                )
    return canvas


def _keypoints(persons: Sequence[Person], skeleton: Skeleton) -> np.ndarray:
    return np.array([person.keypoints for person in persons], np.float32).reshape(-1, len(skeleton), 3)


def _image_ids(name: str, seen: Sequence[Seen]) -> list[int]:
    if name == PHOTOGRAPHS:
        return image_ids_of([each.name for each in seen]).tolist()
    return [each.number for each in seen]


def _yolo_line(person: Person, size: tuple[int, int]) -> str:
    x, y, width, height = person.box
    low = np.clip((x, y), 0, size)
    high = np.clip((x + width, y + height), 0, size)
    keypoints = person.keypoints.astype(np.float64)
    inside = (keypoints[:, 2] > 0) & (keypoints[:, :2] >= 0).all(axis=1) & (keypoints[:, :2] <= size).all(axis=1)
    joints = np.column_stack([keypoints[:, :2] / size, np.full(len(keypoints), 2.0)]) * inside[:, None]
    values = [*(((low + high) / 2) / size), *((high - low) / size), *joints.ravel()]
    return " ".join(["0", *(f"{value:.9g}" for value in values)]) + "\n"
