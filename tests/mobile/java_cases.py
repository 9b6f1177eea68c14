"""Golden cases for the app's Java tests, made by the Python code that the app has to agree with.

python tests/mobile/java_cases.py build/android/cases [--photograph PHOTOGRAPH.jpg]
"""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from java_frames import planes_of
from java_maps import SKELETON, MadeMaps
from java_outputs import has_equal_peaks, peaks_of, quantised
from PIL import Image

import students
from distill.commands.app_assets import SCENE_SEED, AssetsConfig, write_assets
from distill.data.photographs import read_photograph
from distill.evaluation.exported import PeakPredictor, exported_predictor
from distill.evaluation.predictor import Predictor, letterboxed
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig, group
from distill.synthetic import SceneConfig, draw_scene
from distill.system.json_values import to_json_values
from mobile.peaks import PeakSettings
from mobile.runtime import LiteRTModel, to_stored

SCENE_SIZE = 256
SHIPPED = Path(students.__file__).parent / "weights" / "people_xs.safetensors"
GROUPINGS = {
    "refined": GroupingConfig(),
    "plain": GroupingConfig(refine=False),
    "quarter": GroupingConfig(subcell=False),
    "centres": GroupingConfig(subcell=False, adjust=False, refine=False),
    "few": GroupingConfig(max_persons=2, nms_kernel=7, detection_threshold=0.3),
}
RECTANGLES = ((320, 256), (192, 256))
TIED_SCENES, TIED_SIDE = 300, 24
TIED = ((1.0, 1.0), (1.0, 1.4), (1.5, 1.0), (1.5, 1.4))
"Width of the Gaussians and largest value of maps in eight bits."
QUANTISATION = ("scale", "zero_point")
TURNS = (0, 90, 180, 270)
LARGE = ((1501, 1101), (2600, 900), (1024, 768), (1030, 771))
"Width and height of photographs that are halved before they are sampled."
ORIENTATION = 0x0112
"The tag of EXIF."


class Cases:
    """Writes golden cases into a folder: an index as JSON, and numbers in files of their own, little-endian."""

    def __init__(self, folder: Path):
        self.folder, self.random, self.files = folder, np.random.default_rng(5), 0
        self.maps = MadeMaps(self.random)
        write_assets(AssetsConfig(SHIPPED, folder / "assets", scenes=2))
        self.model = json.loads((folder / "assets" / "student.json").read_text())
        self.size = self.model["input"]["width"], self.model["input"]["height"]

    def write(self) -> None:
        """All of them."""
        photographs = self._photographs()
        self._index(
            "letterbox",
            [self._letterbox(image, size) for image, _ in photographs for size in ((256, 256), (160, 96), *RECTANGLES)],
        )
        self._index("large", [self._letterbox(self._large(*size), (256, 192)) for size in LARGE])
        self._index("exif", [self._turned(orientation) for orientation in range(9)])
        stored = ((np.int8, 1.0, -128), (np.uint8, 0.9, 3), (np.uint8, 1.0, 0))
        self._index("inputs", [self._stored(*of_type) for of_type in stored])
        decoder = []
        for image, keypoints in photographs:
            for strides in ((4,), (2, 4), (8,)):
                maps = self.maps.of_tags(keypoints, image, strides, self.size)
                decoder += [self._maps_case(image, maps, name, self.size) for name in GROUPINGS]
                alone = {name: value for name, value in maps.items() if name[:4] != "tags"}
                decoder += [self._maps_case(image, alone, name, self.size, "alone") for name in GROUPINGS]
            maps = self.maps.of_tags(keypoints, image, (4,), self.size)
            alone = {"heatmaps_s4": maps["heatmaps_s4"]}
            for shift in ("quarter", "parabola"):
                decoder.append(self._peaks_case(image, maps, shift, self.size, "peaks"))
                decoder.append(self._peaks_case(image, alone, shift, self.size, "peaks alone"))
            for size in RECTANGLES:
                for name, strides in (("refined", (4,)), ("quarter", (2, 4))):
                    maps = self.maps.of_tags(keypoints, image, strides, size)
                    decoder.append(self._maps_case(image, maps, name, size, "rectangular"))
                maps = self.maps.of_tags(keypoints, image, (4,), size)
                decoder.append(self._peaks_case(image, maps, "parabola", size, "rectangular"))
            decoder += [
                self._maps_case(image, make(keypoints, image, self.size), name, self.size, kind)
                for make, kind in ((self.maps.of_centres, "centre maps"), (self.maps.of_offsets, "offset maps"))
                for name in GROUPINGS
            ]
            decoder += [
                self._quantised_case(image, keypoints, name, dtype)
                for dtype in (np.int8, np.uint8)
                for name in ("refined", "centres")
            ]
        self._index("decoder", decoder)
        layouts = ("planar", "nv12", "nv21")
        self._index("frames", [self._frame(image, layout) for image, _ in photographs[:3] for layout in layouts])
        self._index("ties", [self._ties(sigma, largest) for sigma, largest in TIED])
        self._index("steps", [self._steps(levels, kernel) for levels in (1, 3) for kernel in (1, 3, 5, 7)])
        scene = draw_scene(SceneConfig(size=SCENE_SIZE), SCENE_SEED, 0)
        maps = self.maps.of_tags(scene.keypoints, scene.image, (4,), self.size)
        self._index("scene", self._maps_case(scene.image, maps, "plain", self.size))
        alone = {"heatmaps_s4": maps["heatmaps_s4"]}
        self._index("scene_alone", self._maps_case(scene.image, alone, "plain", self.size))
        for (width, height), name in zip(RECTANGLES, ("wide", "upright"), strict=True):
            maps = self.maps.of_tags(scene.keypoints, scene.image, (4,), (width, height))
            self._index(f"scene_{name}", self._maps_case(scene.image, maps, "plain", (width, height)))
        # A phone's sensor lies on its side: a clockwise quarter turn sets its pictures upright.
        self._index("camera", self._frame(np.rot90(scene.image), "nv21"))

    def write_photograph(self, path: Path) -> None:
        """One that the app opens, and what the student that it carries makes of it."""
        shutil.copy(path, self.folder / "photograph.jpg")
        model = LiteRTModel(self.folder / "assets" / "student.tflite")
        predictor, photograph = exported_predictor(model), read_photograph(path)
        [(persons, _)] = predictor([photograph])
        given = model(letterboxed(photograph, self.size)[0][None])
        names = [output["name"] for output in sorted(self.model["outputs"], key=lambda output: output["position"])]
        case = {
            "metadata": json.dumps(self.model),
            "outputs": [self._file(given[name]) for name in names],
            "persons": [person.tolist() for person in persons.astype(float)],
        }
        self._index("photograph", case)

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

    def _large(self, width: int, height: int) -> np.ndarray:
        """Fine stripes and noise, of which bilinear sampling alone would make another picture."""
        y, x = np.mgrid[:height, :width]
        stripes = 127 * (1 + np.sin(x / 3) * np.sin(y / 40))
        noise = self.random.integers(0, 40, (height, width, 3))
        return np.clip(stripes[..., None] + noise - 20, 0, 255).astype(np.uint8)

    def _turned(self, orientation: int) -> dict:
        """A photograph as a phone stores it: its pixels as the sensor gave them, and how to turn them in its EXIF."""
        scene = draw_scene(SceneConfig(size=64), 23, 0).image[:48]
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        name = f"exif_{orientation}.jpg"
        Image.fromarray(scene).save(self.folder / name, quality=100, subsampling=0, exif=exif)
        seen = cv2.cvtColor(cv2.imread(str(self.folder / name)), cv2.COLOR_BGR2RGB)
        return {"file": name, "size": seen.shape[1::-1], "expected": self._file(seen)}

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
        planes = planes_of(luma, u, v, layout)
        return {
            "layout": layout,
            "size": (width, height),
            "planes": [self._file(samples) for samples, _, _ in planes],
            "row_strides": [row for _, row, _ in planes],
            "pixel_strides": [pixel for _, _, pixel in planes],
            "expected": {turn: self._file(np.rot90(upright, -turn // 90)) for turn in TURNS},
        }

    def _maps_case(
        self, image: np.ndarray, maps: dict[str, torch.Tensor], name: str, size: tuple[int, int], kind: str = ""
    ) -> dict:
        grouping = GROUPINGS[name]
        predictor = Predictor(lambda images: maps, size, SKELETON, grouping)
        outputs = {key: value.permute(0, 2, 3, 1).numpy() for key, value in maps.items()}
        return self._case(kind or " ".join(maps), image, predictor, outputs, grouping, {})

    def _quantised_case(self, image: np.ndarray, keypoints: np.ndarray, name: str, dtype: type) -> dict:
        """Maps as a quantised model gives them."""
        while True:
            stored, details, read = quantised(self.maps.of_tags(keypoints, image, (4,), self.size), dtype)
            if not has_equal_peaks(read["heatmaps_s4"]):
                break
        predictor = Predictor(lambda images: read, self.size, SKELETON, GROUPINGS[name])
        return self._case("quantised", image, predictor, stored, GROUPINGS[name], {}, details)

    def _peaks_case(
        self, image: np.ndarray, maps: dict[str, torch.Tensor], shift: str, size: tuple[int, int], kind: str
    ) -> dict:
        grouping = replace(GroupingConfig(), refine=False)
        settings = PeakSettings(grouping.max_persons, grouping.nms_kernel, shift)
        outputs = peaks_of(maps, settings)
        columns = next(iter(maps.values())).shape[3]
        predictor = PeakPredictor(lambda images: outputs, columns, size, SKELETON, grouping)
        return self._case(kind, image, predictor, outputs, grouping, {"peaks": {"columns": columns}})

    def _ties(self, sigma: float, largest: float) -> dict:
        """Scenes of one person in bytes (N, 17, S, S), and the joints (N, 17, 3) in cells that Python finds."""
        cells = np.arange(TIED_SIDE) + 0.5
        points = self.random.uniform(4, TIED_SIDE - 4, (2, TIED_SCENES, len(SKELETON), 1))
        across, down = np.exp(-((cells - points) ** 2) / (2 * sigma**2))
        stored = np.rint(down[..., None] * across[:, :, None] * 255 / largest).astype(np.uint8)
        scale = np.float32(largest / 255)
        tags = np.zeros((*stored.shape[1:], 1), np.float32)
        found = [group(scene * scale, tags, SKELETON, GROUPINGS["plain"])[0] for scene in stored]
        assert {len(persons) for persons in found} == {1}
        return {
            "side": TIED_SIDE,
            "scenes": TIED_SCENES,
            "scale": float(scale),
            "stored": self._file(stored),
            "expected": self._file(np.concatenate(found)),
            "metadata": self.model | {"grouping": to_json_values(GROUPINGS["plain"])},
        }

    def _steps(self, levels: int, kernel: int) -> dict:
        """Maps (1, 17, 9, 11) of few values, and 1 where Python finds a peak."""
        maps = torch.from_numpy(self.random.integers(0, levels + 1, (1, len(SKELETON), 9, 11)).astype(np.float32))
        peaks = peaks_of({"heatmaps_s4": maps}, PeakSettings(9 * 11, kernel, "none"))
        joint, number = np.nonzero(peaks["peak_values"][0] > 0)
        expected = np.zeros((len(SKELETON), 9 * 11), np.uint8)
        expected[joint, peaks["peak_cells"][0, joint, number]] = 1
        grouping = to_json_values(GroupingConfig(max_persons=9 * 11, nms_kernel=kernel))
        files = {"maps": self._file(maps.numpy()), "expected": self._file(expected)}
        return {"height": 9, "width": 11, "grouping": grouping, **files}

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
        width, height = predictor.input_size
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
            "metadata": self.model
            | {
                "input": self.model["input"] | {"width": width, "height": height, "shape": [1, height, width, 3]},
                "outputs": described,
                "grouping": to_json_values(grouping),
            }
            | more,
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder to write")
    parser.add_argument("--photograph", type=Path, help="JPEG that the app shows with what the student finds")
    given = parser.parse_args()
    cases = Cases(given.folder)
    cases.write()
    if given.photograph is not None:
        cases.write_photograph(given.photograph)
