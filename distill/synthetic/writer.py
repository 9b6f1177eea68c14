"""Synthetic scenes on disk as a COCO keypoint set."""

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as rle

from distill import __version__
from distill.pose.skeleton import COCO_17
from distill.synthetic.config import SceneConfig
from distill.synthetic.scene import Scene, draw_scene
from distill.system.errors import InputError

_CHUNK = 32


def synthesize(
    directory: Path | str,
    split: str,
    images: int,
    seed: int,
    config: SceneConfig,
    *,
    workers: int = 0,
    quality: int = 90,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write one split of scenes as DIRECTORY/SPLIT/*.jpg and DIRECTORY/annotations/person_keypoints_SPLIT.json.

    Image id i is scene i - 1 of the series `seed`, whatever the number of workers. The annotations appear last,
    in one step, so a set that was interrupted has none.

    Args:
        images: number of scenes.
        workers: processes that draw; 0 for one a core.
        quality: of the JPEG files, 1 to 100.
        overwrite: replace the split if it is there.
        progress: called with scenes done and scenes in all.

    Returns:
        The annotation file.

    Raises:
        InputError: a value is out of range, or the split is already there.
    """
    directory = Path(directory)
    annotation_file = directory / "annotations" / f"person_keypoints_{split}.json"
    _check(directory, split, images, seed, workers, quality)
    _check_room(directory, annotation_file, split, seed, config, overwrite)
    with _unfinished(directory, split) as folder:
        entries, annotations = [], []
        draw = partial(_write_scenes, folder=folder, seed=seed, config=config, quality=quality)
        ranges = [range(start, min(start + _CHUNK, images)) for start in range(0, images, _CHUNK)]
        for image_entries, image_annotations in _map(draw, ranges, workers or os.cpu_count() or 1):
            entries += image_entries
            annotations += image_annotations
            if progress:
                progress(len(entries), images)
        for number, annotation in enumerate(annotations, start=1):
            annotation["id"] = number
        document = _document(entries, annotations, seed, config)
        draft = folder.with_suffix(".json")
        draft.write_text(json.dumps(document, separators=(",", ":")))
        annotation_file.unlink(missing_ok=True)
        shutil.rmtree(directory / split, ignore_errors=True)
        folder.rename(directory / split)
        annotation_file.parent.mkdir(exist_ok=True)
        draft.replace(annotation_file)
    return annotation_file


def _check(directory: Path, split: str, images: int, seed: int, workers: int, quality: int) -> None:
    if not split or Path(split).name != split or split in (".", "..", "annotations"):
        raise InputError(f"split {split!r} must be a plain folder name such as train2017")
    if images < 1:
        raise InputError(f"images {images} must be at least 1")
    if seed < 0:
        raise InputError(f"seed {seed} must not be negative")
    if workers < 0:
        raise InputError(f"workers {workers} must not be negative; 0 uses every core")
    if not 1 <= quality <= 100:
        raise InputError(f"quality {quality} must lie between 1 and 100")
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file; give a folder")


def _check_room(
    directory: Path, annotation_file: Path, split: str, seed: int, config: SceneConfig, overwrite: bool
) -> None:
    folder = directory / split
    if not overwrite and (annotation_file.exists() or (folder.exists() and any(folder.iterdir()))):
        raise InputError(f"{folder} is already there; choose another split or folder, or pass --overwrite true")
    for other in sorted(directory.glob("annotations/person_keypoints_*.json")):
        if other != annotation_file and _origin(other) == (seed, asdict(config)):
            raise InputError(f"{other} holds the scenes of seed {seed} already; give this split another seed")


def _origin(annotation_file: Path) -> tuple[int, dict] | None:
    """Seed and configuration of a synthetic split, None for any other file."""
    try:
        info = json.loads(annotation_file.read_text())["info"]
        return info["seed"], info["scenes"]
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def _unfinished(directory: Path, split: str) -> Iterator[Path]:
    """A hidden folder for photographs, gone afterwards unless it was renamed."""
    directory.mkdir(parents=True, exist_ok=True)
    folder = directory / f".{split}-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".json").unlink(missing_ok=True)


def _map(draw: Callable, ranges: list[range], workers: int) -> Iterator:
    """Results of `draw` in order, computed by up to `workers` processes."""
    workers = min(workers, len(ranges))
    if workers == 1:
        yield from map(draw, ranges)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
        try:
            yield from pool.map(draw, ranges)
        except BrokenProcessPool:
            raise InputError("the processes that draw ended early; draw with workers 1 to see why") from None
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _write_scenes(indices: range, folder: Path, seed: int, config: SceneConfig, quality: int):
    """Draw scenes and write their photographs; returns their image entries and annotations."""
    entries, annotations = [], []
    for index in indices:
        scene = draw_scene(config, seed, index)
        name = f"{index + 1:012d}.jpg"
        write_jpeg(folder / name, scene.image, quality)
        entry = {"id": index + 1, "file_name": name, "width": config.size, "height": config.size}
        entries.append(entry | {"distractors": scene.distractors})
        annotations += annotate(scene, index + 1)
    return entries, annotations


def write_jpeg(path: Path, image: np.ndarray, quality: int) -> None:
    """Write a photograph (H, W, 3) uint8 RGB.

    Raises:
        OSError: the file cannot be written.
    """
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    path.write_bytes(encoded)


def annotate(scene: Scene, image_id: int) -> list[dict]:
    """COCO annotations of a scene's people, without their ids; keypoints to a hundredth of a pixel.

    Besides the fields of COCO there are `standing_height` (pixels) and `truncated` (a joint lies outside).
    """
    if not len(scene.masks):
        return []
    encoded = rle.encode(np.asfortranarray(scene.masks.transpose(1, 2, 0).view(np.uint8)))
    areas, boxes = rle.area(encoded).tolist(), rle.toBbox(encoded).tolist()
    keypoints = scene.keypoints.astype(float)
    labelled = keypoints[:, :, 2] > 0
    keypoints[:, :, :2] = np.round((keypoints[:, :, :2] - 0.5) * labelled[:, :, None], 2)
    return [
        {
            "image_id": image_id,
            "category_id": 1,
            "iscrowd": 0,
            "keypoints": keypoints[person].ravel().tolist(),
            "num_keypoints": int(labelled[person].sum()),
            "bbox": boxes[person],
            "area": areas[person],
            "segmentation": {"size": outline["size"], "counts": outline["counts"].decode()},
            "standing_height": round(float(scene.standing_heights[person]), 2),
            "truncated": bool(scene.truncated[person]),
        }
        for person, outline in enumerate(encoded)
    ]


def _document(entries: list[dict], annotations: list[dict], seed: int, config: SceneConfig) -> dict:
    person = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(COCO_17.joints),
        "skeleton": (COCO_17.limb_index + 1).tolist(),
    }
    info = {"description": f"Synthetic people, pose-distill {__version__}", "seed": seed, "scenes": asdict(config)}
    return {"info": info, "licenses": [], "images": entries, "annotations": annotations, "categories": [person]}
