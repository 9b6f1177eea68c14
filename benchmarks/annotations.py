"""Time and memory of opening a made-up train2017 of full size: the first time, and once its parsed form is kept.

    python benchmarks/annotations.py [--images 118287] [--persons 262465]

Every way runs in a process of its own with one thread. The baseline is pycocotools, which parses and indexes the
file and checks nothing.
"""

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = ((640, 480), (480, 640), (640, 427), (500, 375), (640, 640), (612, 612))
NAME = "annotations/person_keypoints_train2017.json"


def write_set(root: Path, images: int, persons: int):
    """A split of COCO's layout with as many photographs, persons, joints and points of outlines as COCO's."""
    from distill.pose.skeleton import COCO_17

    rng = np.random.default_rng(0)
    (root / "train2017").mkdir(parents=True)
    (root / "annotations").mkdir()
    which = rng.integers(len(SIZES), size=images)
    ids = np.sort(rng.choice(581_929, images, replace=False))
    for number, (width, height) in enumerate(SIZES):
        Image.new("RGB", (width, height), (90, 120, 150)).save(root / f"{number}.jpg")
    for image_id, number in zip(ids, which, strict=True):
        os.link(root / f"{number}.jpg", root / "train2017" / f"{image_id:012d}.jpg")
    listed = [
        {
            "license": 3,
            "file_name": f"{image_id:012d}.jpg",
            "coco_url": f"http://images.cocodataset.org/train2017/{image_id:012d}.jpg",
            "height": SIZES[number][1],
            "width": SIZES[number][0],
            "date_captured": "2013-11-14 16:03:19",
            "flickr_url": f"http://farm8.staticflickr.com/7187/{image_id}_9f9c22cf98_z.jpg",
            "id": image_id,
        }
        for image_id, number in zip(ids.tolist(), which.tolist(), strict=True)
    ]
    owners = np.sort(rng.integers(images, size=persons))
    annotations = [
        _person(rng, number, int(ids[row]), *SIZES[which[row]], len(COCO_17)) for number, row in enumerate(owners)
    ]
    category = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints), "skeleton": []}
    document = {"images": listed, "annotations": annotations, "categories": [category]}
    (root / NAME).write_text(json.dumps(document, separators=(",", ":")))


def _person(rng: np.random.Generator, number: int, image_id: int, width: int, height: int, joints: int) -> dict:
    w, h = rng.uniform(20, width / 2), rng.uniform(40, height / 2)
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(10, 60)))
    ring = np.stack([x + w / 2 * (1 + np.cos(angles)), y + h / 2 * (1 + np.sin(angles))], axis=1)
    points = np.stack([rng.uniform(x, x + w, joints), rng.uniform(y, y + h, joints)], axis=1).astype(int)
    labelled = rng.integers(0, 3, joints) if rng.random() < 0.57 else np.zeros(joints, dtype=int)
    is_crowd = rng.random() < 0.01
    size = width * height
    return {
        "segmentation": {"counts": [size // 3, 900, size - size // 3 - 900], "size": [height, width]}
        if is_crowd
        else [ring.round(2).ravel().tolist()],
        "num_keypoints": int((labelled > 0).sum()),
        "area": round(0.6 * w * h, 4),
        "iscrowd": int(is_crowd),
        "keypoints": (np.c_[points, labelled] * (labelled > 0)[:, None]).ravel().tolist(),
        "image_id": image_id,
        "bbox": [round(v, 2) for v in (x, y, w, h)],
        "category_id": 1,
        "id": 200_000 + number,
    }


def _pycocotools(root: Path) -> int:
    from pycocotools.coco import COCO

    return len(COCO(str(root / NAME)).imgs)


def _ours(root: Path) -> int:
    from distill.data.keypoint_set import KeypointSet
    from distill.data.source import DataSource
    from distill.pose.skeleton import COCO_17

    return len(KeypointSet(DataSource(root, "train2017"), COCO_17))


def _imports_alone(root: Path) -> int:
    import pycocotools.coco  # noqa: F401

    import distill.data.keypoint_set  # noqa: F401

    return 0


def _in_a_process(way: Callable[[Path], int], root: Path, answers):
    _imports_alone(root)
    start, before = time.perf_counter(), time.process_time()
    way(root)
    times = time.perf_counter() - start, time.process_time() - before
    answers.put((*times, _peak_megabytes()))


def _peak_megabytes() -> float:
    """Most memory that this process ever held; what getrusage says counts the parent's before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def measured(way: Callable[[Path], int], root: Path) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of processor and peak MB of a fresh process that opens the set."""
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    process = context.Process(target=_in_a_process, args=(way, root, answers))
    process.start()
    process.join()
    return answers.get()


def main():
    """Write the set and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=118_287, help="photographs")
    parser.add_argument("--persons", type=int, default=262_465, help="annotated persons")
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        write_set(root, arguments.images, arguments.persons)
        megabytes = (root / NAME).stat().st_size / 1e6
        print(
            f"{arguments.images} photographs, {arguments.persons} persons, {megabytes:.0f} MB; "
            f"{platform.machine()}, one thread"
        )
        ways = {"imports alone": _imports_alone, "pycocotools": _pycocotools, "first": _ours, "again": _ours}
        rows = {name: measured(way, root) for name, way in ways.items()}
        kept = sum(file.stat().st_size for file in Path(folder, "cache").rglob("*.safetensors")) / 1e6
    print("| way | s | s of processor | peak MB | of pycocotools' s |\n|---|---|---|---|---|")
    for name, (seconds, processor, peak) in rows.items():
        print(f"| {name} | {seconds:.2f} | {processor:.2f} | {peak:.0f} | {seconds / rows['pycocotools'][0]:.2f} |")
    print(f"kept form {kept:.0f} MB")


if __name__ == "__main__":
    main()
