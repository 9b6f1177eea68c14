"""One exported student that the tests of this folder share, because an export takes seconds."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from distill.networks.checkpoint import save_checkpoint
from mobile.export import ExportReport, export
from mobile.outputs import OutputInfo
from students.attention import attention

WIDTH, HEIGHT = 96, 64
OUTPUTS = {
    "heatmaps_s4": OutputInfo("heatmaps", "where the joints are", 4),
    "tags_s4": OutputInfo("tags", "whose they are", 4),
    "attention": OutputInfo("attention", "whether a person is there", 4, torch.sigmoid),
}
SETTINGS = {
    "outputs": OUTPUTS,
    "input_size": (WIDTH, HEIGHT),
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "letterbox": {"padding_rgb": [1, 2, 3], "interpolation": "bilinear"},
    "skeleton": {"joints": ["nose", "left_eye", "right_eye"]},
    "grouping": {"max_persons": 30},
    "source": {"checkpoint": "none"},
}


@dataclass(frozen=True)
class Exported:
    """A student, and what its export gave."""

    network: nn.Module
    report: ExportReport
    path: Path
    settings: dict


@pytest.fixture(scope="session")
def photographs(shared: Path) -> np.ndarray:
    """Real photographs (3, 64, 96, 3) uint8 RGB."""
    files = sorted((shared / "coco_mini" / "val2017").glob("*.jpg"))[:3]
    return np.stack([cv2.resize(cv2.imread(str(f))[:, :, ::-1], (WIDTH, HEIGHT)) for f in files])


@pytest.fixture(scope="session")
def exported(photographs: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """An untrained attention_xs of 3 joints; do not change its files."""
    torch.manual_seed(0)
    network = attention({"heatmaps": 3, "tags": 3, "attention": 1}, size="xs")
    path = tmp_path_factory.mktemp("exported") / "student.tflite"
    report = export(network, path, photographs=photographs, **SETTINGS)
    return Exported(network, report, path, SETTINGS)


@pytest.fixture
def copied(exported: Exported, tmp_path: Path) -> Callable[[], Path]:
    """Function that gives a copy of the exported model and its JSON, to be damaged."""

    def copy() -> Path:
        for file in (exported.path, exported.path.with_suffix(".json")):
            shutil.copy(file, tmp_path)
        return tmp_path / exported.path.name

    return copy


@pytest.fixture(scope="session")
def with_peaks(new_network, new_info, tmp_path_factory) -> Path:
    """Checkpoint of an untrained student whose heatmaps have peaks; its input is 96 x 64."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("run") / "student.safetensors"
    network = new_network("attention_xs")
    nn.init.normal_(network.heatmaps.weight, std=0.2)
    save_checkpoint(path, new_info("attention_xs", input_size=(WIDTH, HEIGHT)), network.state_dict())
    return path
