"""What an encoding of heatmaps costs in bytes, in AP and in map error.

    python benchmarks/label_encoding.py --data runs/demo/data --images 2000 [--photographs COCO] [--posenet FILE]

Synthetic scenes: the demo teacher's maps go through each encoding and are grouped with its own float tags; the
baseline is the AP of its float32 maps. Photographs: bytes, error and moved peaks only. A fraction is the side of
the stored map relative to the teacher's own.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from label_store import smooth_noise
from numcodecs import Blosc, Zstd
from scipy.spatial import KDTree

from cache.label import pad_persons
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.labelling.resample import photograph_box, resample
from distill.labelling.shard import batches
from distill.labelling.teacher import load_teacher
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig, group
from distill.pose.peaks import find_peaks
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice

PEAK = 0.1
ZSTD = Zstd(level=3)
CODECS = {f"zstd {level}": Zstd(level=level) for level in (1, 3, 9, 19)} | {
    f"blosc {name} {shuffle}": Blosc(name, 5, getattr(Blosc, shuffle.upper()), 0)
    for name in ("zstd", "lz4")
    for shuffle in ("noshuffle", "bitshuffle")
}


@dataclass(frozen=True)
class Encoding:
    """Codes 0..levels of values raised to 1 / power; power 2 spends more of them on small values."""

    floor: float = 0.02
    levels: int = 255
    power: int = 1
    fraction: float = 1.0

    def codes(self, values: np.ndarray) -> np.ndarray:
        """Codes (...), uint8 or where they need it uint16, of values (...) 0..1."""
        values = np.ascontiguousarray(values)
        codes = values.clip(0, 1) ** (1 / self.power) * np.float32(self.levels) + np.float32(0.5)
        return codes.astype(np.uint8 if self.levels < 256 else np.uint16) * (values >= self.floor)

    def decoded(self, codes: np.ndarray) -> np.ndarray:
        """Values (...) float32 of bytes (...)."""
        return (codes / np.float32(self.levels)) ** self.power

    def __str__(self) -> str:
        kind = "linear" if self.power == 1 else "companded"
        return f"{kind} {self.levels + 1} levels, floor {self.floor:g}, fraction {self.fraction:g}"


ENCODINGS = (
    Encoding(),
    Encoding(floor=0, levels=65535),
    *(Encoding(floor) for floor in (0, 0.01, 0.04, 0.08)),
    *(Encoding(levels=levels) for levels in (63, 15)),
    *(Encoding(levels=levels, power=2) for levels in (255, 63, 15)),
    *(Encoding(fraction=fraction) for fraction in (0.75, 0.5, 0.375)),
)


def resized(maps: np.ndarray, side: int) -> np.ndarray:
    """Square maps (K, S, S) at another side."""
    scale = side / maps.shape[-1]
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    return resample(torch.from_numpy(maps)[None], matrix, (side, side), (0, 0, side, side))[0].numpy()


def through(encoding: Encoding, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bytes of maps (K, S, S) and what comes back, at the same side."""
    side = maps.shape[-1]
    small = maps if encoding.fraction == 1 else resized(maps, round(side * encoding.fraction))
    codes = encoding.codes(small)
    decoded = encoding.decoded(codes)
    return codes, decoded if encoding.fraction == 1 else resized(decoded, side)


def on_scenes(
    data: KeypointSet, ids: np.ndarray, precision: str, encodings: Sequence[Encoding], codec_images: int
) -> tuple[list[dict], dict, str]:
    """Rows for each encoding, bytes by codec, and the SHA-256 of the teacher's weights."""
    seen = range(2)
    loaded = load_teacher(Choice("demo", {"precision": precision}), COCO_17)
    predictions, sizes, errors = defaultdict(dict), defaultdict(list), defaultdict(list)
    by_codec = defaultdict(list)
    for batch in batches(ids, data.size, 32, mixed=False):
        maps = loaded.teacher(np.stack([data.photograph(i) for i in batch.tolist()]))
        to_photograph = geometry.invert(maps.to_map)
        for image_id, heatmap, tags in zip(
            batch.tolist(), maps.heatmaps.float().clamp(0, 1).numpy(), maps.tags.float().numpy(), strict=True
        ):
            decoded = {None: heatmap}
            for encoding in encodings:
                codes, decoded[encoding] = through(encoding, heatmap)
                difference = np.abs(decoded[encoding] - heatmap)
                sizes[encoding].append(len(ZSTD.encode(codes)))
                errors[encoding].append((difference.max(), difference.mean()))
            for name, codec in CODECS.items() if len(sizes[encodings[0]]) <= codec_images else ():
                by_codec[name].append(len(codec.encode(Encoding().codes(heatmap))))
            for encoding, values in decoded.items():
                for refine in seen:
                    persons, scores = group(values, tags, COCO_17, GroupingConfig(refine=bool(refine)))
                    points = geometry.transform(to_photograph, persons[..., :2])
                    persons = np.concatenate([points, persons[..., 2:]], axis=-1) * (persons[..., 2:] > 0)
                    predictions[encoding, refine][image_id] = persons, scores
    ap = {key: evaluate(found, data, ids)["ap"] for key, found in predictions.items()}
    rows = [{"encoding": "float32", "bytes": heatmap.nbytes, **{f"ap_refine_{r}": ap[None, r] for r in seen}}]
    for encoding in encodings:
        largest, mean = np.array(errors[encoding]).T
        rows.append(
            {
                "encoding": str(encoding),
                "bytes": float(np.mean(sizes[encoding])),
                "largest_error": float(largest.max()),
                "mean_error": float(mean.mean()),
                **{f"ap_refine_{r}": ap[encoding, r] for r in seen},
                **{f"lost_points_refine_{r}": 100 * (ap[None, r] - ap[encoding, r]) for r in seen},
            }
        )
    return rows, {name: float(np.mean(v)) for name, v in by_codec.items()}, loaded.attributes["weights_sha256"]


def demo_maps(data: KeypointSet, ids: np.ndarray, input_size: int, precision: str) -> Iterator[tuple]:
    """Image id, heatmaps (K, h, w) of the demo teacher and photograph to map (2, 3)."""
    teacher = load_teacher(Choice("demo", {"input_size": input_size, "precision": precision}), COCO_17).teacher
    for image_id in ids.tolist():
        maps = teacher(data.photograph(image_id)[None])
        yield image_id, maps.heatmaps[0].float().clamp(0, 1), maps.to_map


def posenet_maps(data: KeypointSet, ids: np.ndarray, model: Path) -> Iterator[tuple]:
    """Image id, heatmaps (K, h, w) of a PoseNet after the sigmoid and photograph to map (2, 3)."""
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(str(model))
    net.allocate_tensors()
    source = net.get_input_details()[0]
    target = next(d for d in net.get_output_details() if d["shape"][-1] == len(COCO_17))
    height, width = source["shape"][1:3].tolist()
    scale, zero = target["quantization"]
    for image_id in ids.tolist():
        matrix = geometry.letterbox(data.size(image_id), (width, height))
        photograph = cv2.warpAffine(data.photograph(image_id), matrix, (width, height))
        net.set_tensor(source["index"], photograph[None])
        net.invoke()
        logits = (net.get_tensor(target["index"])[0].astype(np.float32) - zero) * scale
        cells = torch.from_numpy(logits).sigmoid().permute(2, 0, 1)
        # The model's corner cells are centred on the corner pixels of its input.
        stride = (width - 1) / (cells.shape[-1] - 1)
        to_cells = np.array([[1 / stride, 0, 0.5 - 0.5 / stride], [0, 1 / stride, 0.5 - 0.5 / stride]])
        yield image_id, cells, geometry.compose(matrix, to_cells)


def on_photographs(data: KeypointSet, found: Iterator[tuple], sides: list[int], noises: list[float]) -> list[dict]:
    """Rows for each side of the stored map, noise and floor; moved peaks in cells of the stored map."""
    measured = defaultdict(list)
    rng = np.random.default_rng(0)
    for image_id, heatmaps, matrix in found:
        size = data.size(image_id)
        persons = data.keypoints(image_id)[:30]
        padded = pad_persons([persons], [np.ones(len(persons))], 30, len(COCO_17))
        persons_bytes = sum(len(ZSTD.encode(values)) for values in padded.values())
        for side in sides:
            to_map = geometry.letterbox(size, (side, side))
            change = geometry.compose(geometry.invert(matrix), to_map)
            plain = resample(heatmaps[None], change, (side, side), photograph_box(size, to_map))[0].numpy()
            grain = np.abs(smooth_noise(rng, side))
            inside = resample(torch.ones_like(heatmaps)[None], change, (side, side), photograph_box(size, to_map))[0]
            for noise in noises:
                maps = (plain + noise * grain * inside.numpy()).clip(0, 1)
                for encoding in (Encoding(floor) for floor in (0, 0.02, 0.04)):
                    codes = encoding.codes(maps)
                    decoded = encoding.decoded(codes)
                    measured[side, noise, encoding].append(
                        (len(ZSTD.encode(codes)), persons_bytes, *_errors(maps, decoded))
                    )
    errors = "largest_error", "mean_error", "peaks", "more_peaks", "moved", "moved_most"
    names = "heatmap_bytes", "persons_bytes", *errors
    rows = []
    for (side, noise, encoding), values in measured.items():
        columns = np.array(values)
        figures = dict(zip(names, np.nanmean(columns, axis=0).tolist(), strict=True))
        for name in ("largest_error", "moved_most"):
            figures[name] = float(np.nanmax(columns[:, names.index(name)]))
        rows.append({"map_size": side, "noise": noise, "encoding": str(encoding)} | figures)
    return rows


def _errors(maps: np.ndarray, decoded: np.ndarray) -> tuple[float, ...]:
    """Largest and mean error; number of peaks, how many more there are decoded, and how far the next of those is."""
    difference = np.abs(decoded - maps)
    before, after = _peaks(maps), _peaks(decoded)
    ways = KDTree(after).query(before)[0] if len(before) and len(after) else np.array([np.nan])
    return difference.max(), difference.mean(), len(before), len(after) - len(before), ways.mean(), ways.max()


def _peaks(maps: np.ndarray) -> np.ndarray:
    """(N, 3) joint, x, y of the peaks of (K, H, W) above `PEAK`; joints are far from one another."""
    return find_peaks(maps, PEAK)[:, :3] * (10 * maps.shape[1], 1, 1)


def print_table(title: str, rows: list[dict]):
    """Print rows, the last of which has all columns."""
    print(f"\n{title}\n" + " | ".join(rows[-1]))
    for row in rows:
        print(" | ".join(f"{v:.5g}" if isinstance(v, float) else str(v) for v in (row.get(k, "") for k in rows[-1])))


def main():
    """Print the tables and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("runs/demo/data"), help="synthetic scenes of distill-demo")
    parser.add_argument("--split", default="train2017", help="their split")
    parser.add_argument("--images", type=int, default=2000, help="scenes to look at")
    parser.add_argument("--encodings", type=int, help="only the first so many of the list, by default all")
    parser.add_argument("--codec-images", type=int, default=100, help="scenes to compress by every codec")
    parser.add_argument("--photographs", type=Path, help="a COCO set")
    parser.add_argument("--photograph-split", default="train2017", help="its split")
    parser.add_argument("--photograph-count", type=int, default=40, help="photographs to look at")
    parser.add_argument("--input-size", type=int, default=256, help="short side for the teacher on photographs")
    parser.add_argument("--posenet", type=Path, help="a PoseNet as .tflite without decoder")
    parser.add_argument("--map-sizes", type=int, nargs="+", default=[96, 128, 160, 256], help="for photographs, cells")
    parser.add_argument("--noise", type=float, nargs="+", default=[0, 0.006, 0.02], help="deviation added, 0..1")
    parser.add_argument("--precision", default="float32", help="of the teacher: float32 or bfloat16")
    parser.add_argument("--json", type=Path, help="where to write everything")
    options = parser.parse_args()
    torch.set_num_threads(1)

    result = {}
    if options.images:
        data = KeypointSet(DataSource(options.data, options.split), COCO_17)
        ids = data.image_ids[: options.images]
        rows, codecs, weights = on_scenes(
            data, ids, options.precision, ENCODINGS[: options.encodings], options.codec_images
        )
        result |= {"images": len(ids), "weights_sha256": weights, "scenes": rows, "codecs": codecs}
        print_table(f"{len(ids)} scenes, weights {weights[:8]}, {options.precision}", rows)
        if codecs:
            print_table("bytes an image by codec", [{"codec": k, "bytes": v} for k, v in codecs.items()])
    if options.photographs:
        data = KeypointSet(DataSource(options.photographs, options.photograph_split), COCO_17)
        ids = data.image_ids[: options.photograph_count]
        sources = {"demo": demo_maps(data, ids, options.input_size, options.precision)}
        if options.posenet:
            sources["posenet"] = posenet_maps(data, ids, options.posenet)
        for name, found in sources.items():
            result[name] = on_photographs(data, found, options.map_sizes, options.noise)
            print_table(f"{len(ids)} photographs, {name}", result[name])
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
