"""What looking at turned photographs brings a teacher of persons, in a set with annotated main persons.

    python benchmarks/turns.py --root LSP_EXTENDED --multipose movenet-multipose.onnx [--photographs 160]

Of each photograph the teacher's surest person counts: how many of the annotated joints it puts within a tenth of the
person's size, joints that it lacks counted as missed. The baseline is one upright look.
"""

import argparse
from pathlib import Path

import numpy as np

from distill.data.keypoint_set import KeypointSet, open_data
from distill.data.source import DataSource
from distill.labelling.teacher import load_teacher
from distill.labelling.turns import TURNS
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from teachers.contract import Teacher

WITHIN = 0.1
"Of the longer side of the box around a person's annotated joints."
LEAST = 0.1
"Confidence of a joint that counts as found."


def share_found(data: KeypointSet, teacher: Teacher, image_ids: list[int], names: list[str]) -> float:
    """Part of the annotated joints of these names that the surest persons have at their place."""
    own, others = ([joints.index(name) for name in names] for joints in (data.skeleton.joints, COCO_17.joints))
    found = annotated = 0
    for image_id in image_ids:
        person = data.keypoints(image_id)[0]
        is_annotated = person[own, 2] > 0
        annotated += is_annotated.sum()
        answer = teacher(data.photograph(image_id)[None])
        if len(answer.scores[0]):
            surest = answer.persons[0][np.argmax(answer.scores[0])][others]
            size = np.ptp(person[person[:, 2] > 0, :2], axis=0).max()
            near = np.linalg.norm(surest[:, :2] - person[own, :2], axis=1) < WITHIN * size
            found += (near & is_annotated & (surest[:, 2] > LEAST)).sum()
    return found / annotated


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--multipose", type=Path, required=True)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--photographs", type=int, default=160)
    options = parser.parse_args()
    data = open_data(DataSource(options.root, "train"), "auto")
    names = [name for name in data.skeleton.joints if name in COCO_17.joints]
    labelled = [image_id for image_id in data.image_ids.tolist() if len(data.keypoints(image_id))]
    image_ids = labelled[:: max(1, len(labelled) // options.photographs)][: options.photographs]
    shares = {}
    print(f"{len(image_ids)} photographs, {len(names)} joints")
    for turns in TURNS:
        choice = {"weights": options.multipose, "sizes": (options.size,), "turns": turns}
        teacher = load_teacher(Choice("movenet_multipose", choice), COCO_17).teacher
        shares[turns] = share_found(data, teacher, image_ids, names)
        print(f"turns {turns}: {shares[turns]:.3f} found, {shares[turns] / shares[1]:.2f} of upright")


if __name__ == "__main__":
    main()
