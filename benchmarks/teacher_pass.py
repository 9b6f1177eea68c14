"""Photographs a second of the teacher pass, against a plain loop, and the share of the machine's matrix peak.

    python benchmarks/teacher_pass.py --teachers demo higher_hrnet_w32 --images 32

The baseline is the published loop: one photograph at a time is decoded, resized, sent through the network upright and
mirrored, and grouped into persons joint by joint; nothing is stored. The pass does all of `distill-cache build`:
batches, labels, persons (also measured without), encoding and writing. Photographs are made-up scenes in sizes of COCO.
Of the published teachers the weights are random, which costs the same but shows them nobody; with --weights they are
read.
The peak is that of a product of two large matrices in the teacher's precision, measured here.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from grouping import baseline
from precision import processor
from profiling import print_profile
from torch.utils.flop_counter import FlopCounterMode

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.labelling.teacher import LoadedTeacher, load_teacher
from distill.labelling.teacher_pass import TeacherPass, create_store
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.synthetic import SceneConfig, synthesize
from distill.system.choice import Choice
from distill.system.devices import choose_device
from teachers.higher_hrnet import by_short_name

SIZES = {(640, 480): 40, (640, 427): 26, (480, 640): 15, (427, 640): 8, (500, 375): 6, (612, 612): 3, (640, 360): 2}
"Percent of the photographs; the others of COCO are of hundreds of sizes of one or two each."
GROUPING = GroupingConfig()
PUBLISHED_SIZE = {"higher_hrnet_w32": 512, "higher_hrnet_w48": 640}
SHARD, MATRIX, PRODUCTS = 128, {"cpu": 2048, "cuda": 8192}, 10


def make_photographs(folder: Path, count: int) -> KeypointSet:
    """Scenes brought to the sizes of `SIZES`, with nobody annotated."""
    synthesize(folder / "scenes", "train2017", count, 0, SceneConfig(size=320))
    (folder / "photographs").mkdir()
    sizes = np.random.default_rng(0).choice(len(SIZES), count, p=np.array(list(SIZES.values())) / 100)
    for number, path in enumerate(sorted((folder / "scenes").rglob("*.jpg"))[:count]):
        scene = cv2.resize(cv2.imread(str(path)), list(SIZES)[sizes[number]], interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "photographs" / f"{number:06d}.jpg"), scene)
    return KeypointSet(DataSource(folder / "photographs"), COCO_17)


def plain_loop(loaded: LoadedTeacher, data: KeypointSet, ids: list[int]) -> float:
    """Photographs a second, one after the other."""
    started = time.perf_counter()
    for image_id in ids:
        maps = loaded.teacher(data.photograph(image_id)[None])
        baseline(maps.heatmaps[0].float().cpu().numpy(), maps.tags[0].float().cpu().numpy())
    return len(ids) / (time.perf_counter() - started)


def whole_pass(loaded: LoadedTeacher, data: KeypointSet, folder: Path, batch_size: int, persons: bool) -> float:
    """Photographs a second of a pass that fills a new store."""
    store = create_store(
        folder, data, loaded.attributes, GROUPING, map_size=128, shard_length=SHARD, noise_floor=0.02, persons=persons
    )
    teacher_pass = TeacherPass(store, data, loaded.teacher, GROUPING, batch_size=batch_size)
    batches = [batch for shard in range(store.num_shards) for batch in teacher_pass.batches(shard)]
    started = time.perf_counter()
    teacher_pass.run()
    rate = len(store) / (time.perf_counter() - started)
    print(f"    {len(store) / len(batches):.1f} of {batch_size} in a batch", end="")
    return rate


def matrix_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a product of two large matrices."""
    side = MATRIX[device.type]
    one, two = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(PRODUCTS):
        started = time.perf_counter()
        one @ two
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds)


def operations(loaded: LoadedTeacher, data: KeypointSet, ids: list[int]) -> float:
    """Operations of the network for a photograph, of which a multiplication with an addition is two."""
    with FlopCounterMode(display=False) as counter:
        for image_id in ids:
            loaded.teacher(data.photograph(image_id)[None])
    return counter.get_total_flops() / len(ids)


def random_weights(name: str, folder: Path) -> Path:
    """File of a published network's weights as they are before training."""
    network = by_short_name(name, len(COCO_17))
    path = folder / f"{name}.pth"
    torch.save(network.state_dict(), path)
    return path


def main():
    """Print rates and ratios for each teacher."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teachers", nargs="+", default=["demo", *PUBLISHED_SIZE], help="names")
    parser.add_argument(
        "--weights", type=Path, nargs="+", default=[], help="of the published ones among them, in order"
    )
    parser.add_argument("--precision", default="auto", help="float32, float16, bfloat16 or auto")
    parser.add_argument("--images", type=int, default=64, help="photographs of the pass")
    parser.add_argument("--plain_images", type=int, default=16, help="photographs of the plain loop")
    parser.add_argument("--profile", type=int, default=0, help="operators of a pass to print, those that take most")
    parser.add_argument("--batch_size", type=int, default=8, help="photographs in a batch at most")
    given = parser.parse_args()
    device, weights = choose_device("auto"), iter(given.weights)
    print(
        torch.cuda.get_device_name() if device.type == "cuda" else f"{processor()}; {torch.get_num_threads()} threads"
    )
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = make_photographs(folder, given.images)
        ids = data.image_ids.tolist()[: given.plain_images]
        for name in given.teachers:
            options = {"precision": given.precision}
            if name in PUBLISHED_SIZE:
                options["weights"] = next(weights, None) or random_weights(name, folder)
            loaded = load_teacher(Choice(name, options), COCO_17)
            dtype = loaded.teacher.dtype
            peak, needed = matrix_peak(device, dtype), operations(loaded, data, ids[:4])
            plain = plain_loop(loaded, data, ids)
            print(f"{name}, {dtype}: {needed / 1e9:.0f} GFLOP a photograph, peak {peak / 1e9:.0f} GFLOP/s")
            print(f"    plain loop {plain:.2f} photographs a second, {plain * needed / peak:.0%} of the peak")
            for persons in (True, False):
                rate = whole_pass(loaded, data, folder / f"{name}_{persons}.zarr", given.batch_size, persons)
                what = "pass" if persons else "pass without persons"
                print(f"; {what} {rate:.2f}, ratio {rate / plain:.2f}, {rate * needed / peak:.0%} of the peak")
            if given.profile:
                place = folder / f"{name}_profile.zarr"
                print_profile(
                    lambda at=place, own=loaded: whole_pass(own, data, at, given.batch_size, True), given.profile
                )


if __name__ == "__main__":
    main()
