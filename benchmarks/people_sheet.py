"""A contact sheet: what models find on the same photographs, beside what people annotated there.

    python benchmarks/people_sheet.py people_l people_xs '{name: movenet_multipose, weights: movenet-multipose.onnx}' \\
      --root SET --rows 14 --skip 10 --out people.jpg

A model is what `distill-predict --model` takes: weights that ship, a checkpoint, a .tflite, or a teacher, in braces
where it has options. Nothing is measured here; the sheet shows what a figure does not: heads, hands and feet, and who
is taken for whom.
"""

import argparse
from pathlib import Path

import numpy as np

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.drawing.persons import draw_for_sheet
from distill.drawing.sheet import contact_sheet, write_image
from distill.pose.skeleton import COCO_17
from distill.prediction.model import PoseModel, load_model
from distill.system.choice import Choice


def found(model: PoseModel, photograph: np.ndarray) -> np.ndarray:
    """The persons (P, 17, 3) that a model is sure of."""
    persons = [person.keypoints for person in model(photograph)]
    return np.stack(persons) if persons else np.zeros((0, len(COCO_17), 3), np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="names, files, or teachers with options, a column each")
    parser.add_argument("--root", type=Path, required=True, help="data set")
    parser.add_argument("--split", default="val2017", help="of the set")
    parser.add_argument("--rows", type=int, default=12, help="photographs with annotated people, those of lowest id")
    parser.add_argument("--skip", type=int, default=0, help="such photographs to leave out before")
    parser.add_argument("--confidence", type=float, default=0.15, help="persons of a lower score are left out, 0..1")
    parser.add_argument("--cell", type=int, default=288, help="side of a photograph in the sheet, pixels")
    parser.add_argument("--out", type=Path, required=True, help=".jpg or .png")
    given = parser.parse_args()
    data = KeypointSet(DataSource(given.root, given.split), COCO_17)
    models = {name: load_model(Choice.of(name), confidence=given.confidence) for name in given.models}
    titles = ["annotation", *(Path(Choice.of(name).name).stem for name in given.models)]
    shown = [i for i in data.image_ids.tolist() if len(data.keypoints(i))][given.skip : given.skip + given.rows]
    rows = []
    for image_id in shown:
        photograph = data.photograph(image_id)
        columns = [data.keypoints(image_id), *(found(model, photograph) for model in models.values())]
        rows.append([draw_for_sheet(photograph, persons, COCO_17, given.cell) for persons in columns])
    write_image(given.out, contact_sheet(rows, titles, given.cell))
    print(f"{given.out}: {len(rows)} photographs by {len(models)} models")


if __name__ == "__main__":
    main()
