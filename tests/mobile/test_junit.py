"""The app's Java tests, run once; what they are compared with is written here by the Python code."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from distill import geometry
from distill.commands.app_assets import SCENE_SEED, AssetsConfig, write_assets
from distill.decode import GroupingConfig
from distill.plain import to_plain
from distill.predict import PeakPredictor, Predictor
from distill.skeleton import get_skeleton
from distill.synthetic import SceneConfig, draw_scene
from distill.targets import render
from mobile.peaks import PeakModel, PeakSettings
from mobile.runtime import to_stored

SIDE, SIGMA = 256, 1.7
SKELETON = get_skeleton("coco_17")
TAG_DISTANCE = 2.2
"Rounded distances of tags are then never near the half between two integers."
GROUPINGS = {
    "refined": GroupingConfig(),
    "plain": GroupingConfig(refine=False),
    "quarter": GroupingConfig(subcell=False),
    "centres": GroupingConfig(subcell=False, adjust=False, refine=False),
    "few": GroupingConfig(max_persons=2, nms_kernel=7, detection_threshold=0.3),
}


@dataclass(frozen=True)
class Outcome:
    """What one run of the Java tests said and left."""

    output: str
    out: Path


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
        write_assets(AssetsConfig(out=folder / "assets", scenes=2))
        self.model = json.loads((folder / "assets" / "student.json").read_text())

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
        self._index("decoder", decoder)
        scene = draw_scene(SceneConfig(size=SIDE), SCENE_SEED, 0)
        self._index("scene", self._maps_case(scene.image, self._maps(scene.keypoints, scene.image, (4,)), "plain"))

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

    def _maps(self, keypoints: np.ndarray, image: np.ndarray, strides: tuple[int, ...]) -> dict[str, torch.Tensor]:
        """Heatmaps of these strides and tags of the coarsest, (1, 17, h, w): people with noise, no two values alike."""
        matrix = geometry.letterbox(image.shape[1::-1], (SIDE, SIDE))
        points = geometry.transform(matrix, keypoints[..., :2])
        person, joint = np.nonzero(keypoints[..., 2] > 0)
        height = self.random.uniform(0.35, 0.95, len(joint))
        maps = {}
        for stride in strides:
            cells = SIDE // stride
            at = np.concatenate([points[person, joint] / stride, height[:, None]], axis=1).astype(np.float32)
            shape = (1, len(SKELETON), cells, cells)
            heatmaps = render(torch.from_numpy(at), torch.from_numpy(joint), shape, SIGMA * 4 / stride)
            maps[f"heatmaps_s{stride}"] = heatmaps + self._noise(shape, 0.0, 0.05)
        cells, stride = SIDE // strides[-1], strides[-1]
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
        predictor = Predictor(lambda images: maps, SIDE, SKELETON, grouping)
        outputs = {key: value.permute(0, 2, 3, 1).numpy() for key, value in maps.items()}
        return self._case(" ".join(maps), image, predictor, outputs, grouping, {})

    def _peaks_case(self, image: np.ndarray, maps: dict[str, torch.Tensor], shift: str) -> dict:
        grouping = replace(GroupingConfig(), refine=False)
        last = {key: value.permute(0, 2, 3, 1) for key, value in maps.items()}
        settings = PeakSettings(grouping.max_persons, grouping.nms_kernel, shift)
        outputs = {key: value.numpy() for key, value in PeakModel(_Given(last), settings)(torch.zeros(1)).items()}
        columns = next(iter(maps.values())).shape[3]
        predictor = PeakPredictor(lambda images: outputs, columns, SIDE, SKELETON, grouping)
        return self._case("peaks", image, predictor, outputs, grouping, {"peaks": {"columns": columns}})

    def _case(
        self,
        kind: str,
        image: np.ndarray,
        predictor: Predictor,
        outputs: dict[str, np.ndarray],
        grouping: GroupingConfig,
        more: dict,
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
                "quantisation": None,
            }
            for position, (key, value) in enumerate(outputs.items())
        ]
        return {
            "kind": kind,
            "photograph": image.shape[1::-1],
            "metadata": self.model | {"outputs": described, "grouping": to_plain(grouping)} | more,
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


@pytest.fixture(scope="module")
def tested(repository: Path, executable: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run of `build.py test`."""
    for tool in ("javac", "mvn", "aapt2"):
        executable(tool)
    folder = tmp_path_factory.mktemp("junit")
    cases = folder / "cases"
    cases.mkdir()
    Cases(cases).write()
    build = repository / "mobile" / "android" / "build.py"
    command = [sys.executable, str(build), "test", "--cases", str(cases), "--out", str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return Outcome(done.stdout, folder / "out")


@pytest.mark.slow
def test_all_pass(tested):
    number, *rest = tested.output.split()
    assert int(number) >= 40 and rest == ["tests", "passed"]
    assert f"OK ({number} tests)" in (tested.out / "junit.txt").read_text()


@pytest.mark.slow
def test_results_keep_the_schema(tested, repository):
    """Those of runs that went well and of runs that failed."""
    schema = json.loads((repository / "mobile" / "android" / "result.schema.json").read_text())
    results = [json.loads(file.read_text()) for file in sorted((tested.out / "results").glob("*.json"))]
    for result in results:
        jsonschema.validate(result, schema, format_checker=jsonschema.FormatChecker())
    assert {result["status"] for result in results} == {"ok", "error"}
    kinds = {result["error"]["kind"] for result in results if result["status"] == "error"}
    assert kinds >= {"request", "model", "photograph", "delegate", "memory"}


@pytest.mark.slow
def test_screens_are_drawn(tested):
    """As large as the phone's screen in the tests, and not of one colour."""
    for name in ("benchmark", "error", "live", "live_refused"):
        content = (tested.out / "screens" / f"{name}.png").read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", content[16:24]) == (822, 1462)
        assert len(content) > 5000
