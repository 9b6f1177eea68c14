"""Golden cases for the app's Java tests, made by the Python code that the app has to agree with.

python tests/mobile/java_cases.py build/android/cases
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

import students
from distill.commands.app_assets import SCENE_SEED, AssetsConfig, write_assets
from distill.evaluation.predictor import PeakPredictor, Predictor
from distill.heads.targets import render
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import get_skeleton
from distill.synthetic import SceneConfig, draw_scene
from distill.system.json_values import to_json_values
from mobile.peaks import PeakModel, PeakSettings
from mobile.runtime import to_stored, to_values

SCENE_SIZE, SIGMA = 256, 1.7
SKELETON = get_skeleton("coco_17")
SHIPPED = Path(students.__file__).parent / "weights" / "attention_xs.safetensors"
TAG_DISTANCE = 2.2
"Rounded distances of tags are then never near the half between two integers."
GROUPINGS = {
    "refined": GroupingConfig(),
    "plain": GroupingConfig(refine=False),
    "quarter": GroupingConfig(subcell=False),
    "centres": GroupingConfig(subcell=False, adjust=False, refine=False),
    "few": GroupingConfig(max_persons=2, nms_kernel=7, detection_threshold=0.3),
}
QUANTISATION = ("scale", "zero_point")
TURNS = (0, 90, 180, 270)


class _Given(torch.nn.Module):
    """A network that gives the same maps for every image."""

    def __init__(self, maps: dict[str, torch.Tensor]):
        super().__init__()
        self.maps = maps

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.maps


class Cases:
    """Writes golden cases into a folder: an index as JSON, and numbers in files of their own, little-endian."""

    def __init__(self, folder: Path):
        self.folder, self.random, self.files = folder, np.random.default_rng(5), 0
        write_assets(AssetsConfig(SHIPPED, folder / "assets", scenes=2))
        self.model = json.loads((folder / "assets" / "student.json").read_text())
        self.side = self.model["input"]["width"]

    def write(self) -> None:
        """All of them."""
        photographs = self._photographs()
        self._index(
            "letterbox", [self._letterbox(image, size) for image, _ in photographs for size in ((256, 256), (160, 96))]
        )
        self._index("inputs", [self._stored(np.int8, 1.0, -128), self._stored(np.uint8, 0.9, 3)])
        decoder = []
        for image, keypoints in photographs:
            for strides in ((4,), (2, 4), (8,)):
                maps = self._maps(keypoints, image, strides)
                decoder += [self._maps_case(image, maps, name) for name in GROUPINGS]
            decoder += [
                self._peaks_case(image, self._maps(keypoints, image, (4,)), shift) for shift in ("quarter", "parabola")
            ]
            decoder += [
                self._quantised_case(image, keypoints, name, dtype)
                for dtype in (np.int8, np.uint8)
                for name in ("refined", "centres")
            ]
        self._index("decoder", decoder)
        layouts = ("planar", "nv12", "nv21")
        self._index("frames", [self._frame(image, layout) for image, _ in photographs[:3] for layout in layouts])
        scene = draw_scene(SceneConfig(size=SCENE_SIZE), SCENE_SEED, 0)
        self._index("scene", self._maps_case(scene.image, self._maps(scene.keypoints, scene.image, (4,)), "plain"))
        # A phone's sensor lies on its side: a clockwise quarter turn sets its pictures upright.
        self._index("camera", self._frame(np.rot90(scene.image), "nv21"))

    def _photographs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Scenes: square, cut to upright and to wide, and larger than the input; with their keypoints."""
        cuts = [(0, 0, 256, 256), (60, 0, 130, 256), (0, 40, 256, 151), (0, 0, 500, 500)]
        given = []
        for number, (x, y, width, height) in enumerate(cuts):
            scene = draw_scene(SceneConfig(size=max(width, height), min_persons=2), 17, number)
            keypoints = scene.keypoints * (scene.keypoints[..., 2:] > 0)
            keypoints[..., :2] -= (x, y)
            given.append((np.ascontiguousarray(scene.image[y : y + height, x : x + width]), keypoints))
        return given

    def _letterbox(self, image: np.ndarray, size: tuple[int, int]) -> dict:
        return {
            "photograph": image.shape[1::-1],
            "pixels": self._file(image),
            "input": size,
            "padding": geometry.PADDING,
            "expected": self._file(
                geometry.warp(image, geometry.letterbox(image.shape[1::-1], size), size, fill=geometry.PADDING)
            ),
        }

    def _stored(self, dtype: type, scale: float, zero: int) -> dict:
        """What becomes of each value of a pixel in a quantised input."""
        stored = to_stored(np.arange(256, dtype=np.uint8), {"quantization": (scale, zero), "dtype": dtype})
        return {"dtype": np.dtype(dtype).name, "scale": scale, "zero_point": zero, "stored": self._file(stored)}

    def _frame(self, image: np.ndarray, layout: str) -> dict:
        """A camera's picture in planes of this layout, and what OpenCV makes of it, turned clockwise."""
        height, width = image.shape[:2]
        luma, v, u = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
        half = ((width + 1) // 2, (height + 1) // 2)
        u, v = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v))
        chroma = [plane.repeat(2, axis=0).repeat(2, axis=1)[:height, :width] for plane in (v, u)]
        upright = cv2.cvtColor(cv2.merge([luma, *chroma]), cv2.COLOR_YCrCb2RGB)
        planes = _planes(luma, u, v, layout)
        return {
            "layout": layout,
            "size": (width, height),
            "planes": [self._file(samples) for samples, _, _ in planes],
            "row_strides": [row for _, row, _ in planes],
            "pixel_strides": [pixel for _, _, pixel in planes],
            "expected": {turn: self._file(np.rot90(upright, -turn // 90)) for turn in TURNS},
        }

    def _maps(self, keypoints: np.ndarray, image: np.ndarray, strides: tuple[int, ...]) -> dict[str, torch.Tensor]:
        """Heatmaps of these strides and tags of the coarsest, (1, 17, h, w): people with noise, no two values alike."""
        matrix = geometry.letterbox(image.shape[1::-1], (self.side, self.side))
        points = geometry.transform(matrix, keypoints[..., :2])
        person, joint = np.nonzero(keypoints[..., 2] > 0)
        height = self.random.uniform(0.35, 0.95, len(joint))
        maps = {}
        for stride in strides:
            cells = self.side // stride
            at = np.concatenate([points[person, joint] / stride, height[:, None]], axis=1).astype(np.float32)
            shape = (1, len(SKELETON), cells, cells)
            heatmaps = render(torch.from_numpy(at), torch.from_numpy(joint), shape, SIGMA * 4 / stride)
            maps[f"heatmaps_s{stride}"] = heatmaps + self._noise(shape, 0.0, 0.05)
        cells, stride = self.side // strides[-1], strides[-1]
        tags = torch.zeros(1, len(SKELETON), cells, cells)
        centre = (np.arange(cells) + 0.5) * stride
        for k in range(len(SKELETON)):
            owners = person[joint == k]
            if len(owners):
                x, y = points[owners, k].T
                distance = (centre[None, None] - x[:, None, None]) ** 2 + (
                    centre[None, :, None] - y[:, None, None]
                ) ** 2
                tags[0, k] = torch.from_numpy(owners[distance.argmin(axis=0)] * TAG_DISTANCE)
        maps[f"tags_s{stride}"] = tags + self._noise(tags.shape, -0.05, 0.05)
        return maps

    def _noise(self, shape: tuple[int, ...], low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(self.random.uniform(low, high, shape).astype(np.float32))

    def _maps_case(self, image: np.ndarray, maps: dict[str, torch.Tensor], name: str) -> dict:
        grouping = GROUPINGS[name]
        predictor = Predictor(lambda images: maps, self.side, SKELETON, grouping)
        outputs = {key: value.permute(0, 2, 3, 1).numpy() for key, value in maps.items()}
        return self._case(" ".join(maps), image, predictor, outputs, grouping, {})

    def _quantised_case(self, image: np.ndarray, keypoints: np.ndarray, name: str, dtype: type) -> dict:
        """Maps as a quantised model gives them."""
        while True:
            stored, details, read = _quantised(self._maps(keypoints, image, (4,)), dtype)
            if not _has_ties(read["heatmaps_s4"][0]):
                break
        predictor = Predictor(lambda images: read, self.side, SKELETON, GROUPINGS[name])
        return self._case("quantised", image, predictor, stored, GROUPINGS[name], {}, details)

    def _peaks_case(self, image: np.ndarray, maps: dict[str, torch.Tensor], shift: str) -> dict:
        grouping = replace(GroupingConfig(), refine=False)
        last = {key: value.permute(0, 2, 3, 1) for key, value in maps.items()}
        settings = PeakSettings(grouping.max_persons, grouping.nms_kernel, shift)
        outputs = {key: value.numpy() for key, value in PeakModel(_Given(last), settings)(torch.zeros(1)).items()}
        columns = next(iter(maps.values())).shape[3]
        predictor = PeakPredictor(lambda images: outputs, columns, self.side, SKELETON, grouping)
        return self._case("peaks", image, predictor, outputs, grouping, {"peaks": {"columns": columns}})

    def _case(
        self,
        kind: str,
        image: np.ndarray,
        predictor: Predictor,
        outputs: dict[str, np.ndarray],
        grouping: GroupingConfig,
        more: dict,
        details: dict[str, dict] | None = None,
    ) -> dict:
        [(persons, scores)] = predictor([image])
        assert len(persons) and len(set(scores.tolist())) == len(scores)
        described = [
            {
                "name": key,
                "kind": key.partition("_s")[0] if key[:5] != "peak_" else key,
                "position": position,
                "shape": value.shape,
                "dtype": value.dtype.name,
                "quantisation": details and dict(zip(QUANTISATION, details[key]["quantization"], strict=True)),
            }
            for position, (key, value) in enumerate(outputs.items())
        ]
        return {
            "kind": kind,
            "photograph": image.shape[1::-1],
            "metadata": self.model | {"outputs": described, "grouping": to_json_values(grouping)} | more,
            "outputs": [self._file(value) for value in outputs.values()],
            "persons": [person.tolist() for person in persons.astype(float)],
            "scores": scores.tolist(),
        }

    def _file(self, values: np.ndarray) -> str:
        name = f"{self.files}.bin"
        self.files += 1
        (self.folder / name).write_bytes(np.ascontiguousarray(values).tobytes())
        return name

    def _index(self, name: str, cases: list[dict] | dict) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(cases))


def _planes(luma: np.ndarray, u: np.ndarray, v: np.ndarray, layout: str) -> list[tuple[np.ndarray, int, int]]:
    """Y, U and V as Android hands them out: samples, and bytes from row to row and from pixel to pixel."""
    bright, row = _rows(luma, 10)
    if layout == "planar":
        return [(bright, row, 1), *((*_rows(plane, 7), 1) for plane in (u, v))]
    pair = (u, v) if layout == "nv12" else (v, u)
    pairs, pair_row = _rows(np.stack(pair, axis=2).reshape(len(u), -1), 12)
    first, second = (pairs[:-1], pair_row, 2), (pairs[1:], pair_row, 2)
    return [(bright, row, 1), *((first, second) if layout == "nv12" else (second, first))]


def _rows(plane: np.ndarray, padding: int) -> tuple[np.ndarray, int]:
    """Rows one after another, each but the last followed by bytes that mean nothing; and bytes from row to row."""
    padded = np.pad(plane, ((0, 0), (0, padding)), constant_values=99)
    return padded.ravel()[: padded.size - padding], padded.shape[1]


def _quantised(maps: dict[str, torch.Tensor], dtype: type) -> tuple[dict, dict, dict[str, torch.Tensor]]:
    """Maps as a model stores them, (1, h, w, 17), what LiteRT says of each, and the maps that they stand for."""
    stored, details, read = {}, {}, {}
    for key, value in maps.items():
        values = value.permute(0, 2, 3, 1).numpy()
        low, high = min(0.0, float(values.min())), float(values.max())
        scale = float(np.float32((high - low) / 255))
        details[key] = {"quantization": (scale, round(np.iinfo(dtype).min - low / scale)), "dtype": dtype}
        stored[key] = to_stored(values, details[key])
        read[key] = torch.from_numpy(to_values(stored[key], details[key])).permute(0, 3, 1, 2)
    return stored, details, read


def _has_ties(heatmaps: torch.Tensor) -> bool:
    """Whether two peaks of a joint have the same value, so that they could come in any order; heatmaps (17, h, w)."""
    grouping = GroupingConfig()
    highest = torch.nn.functional.max_pool2d(heatmaps[None], grouping.nms_kernel, 1, grouping.nms_kernel // 2)[0]
    peaks = heatmaps * ((heatmaps == highest) & (heatmaps > grouping.detection_threshold))
    return any(len(joint[joint > 0].unique()) < (joint > 0).sum() for joint in peaks)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder to write")
    Cases(parser.parse_args().folder).write()
