"""What the Android app carries, so that it does something on first start: a student and synthetic scenes.

`make apk` runs it: `python -m distill.commands.app_assets MODEL --out build/android/assets`.
"""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from distill.commands.cli import command
from distill.commands.export import export_network
from distill.commands.export_config import ExportConfig
from distill.networks.checkpoint import CheckpointInfo, load_network
from distill.synthetic import SceneConfig, draw_scene
from distill.system.errors import InputError

SCENE_SIZE, SCENE_SEED = 256, 41


@dataclass(frozen=True)
class AssetsConfig:
    """Write what the Android app carries: student.tflite with its JSON, and scenes/0.png, 1.png and so on."""

    model: Path
    "Checkpoint of a trained student, such as students/weights/attention_xs.safetensors, which ships with the package."
    out: Path = Path("build/android/assets")
    "Folder to write; what was in it is replaced."
    scenes: int = 4
    "Number of synthetic scenes."

    def __post_init__(self):
        if self.scenes < 1:
            raise InputError(f"scenes must be at least 1, not {self.scenes}")
        if self.out.exists() and not (self.out.is_dir() and _is_ours(self.out)):
            raise InputError(f"out {self.out} exists and was not written by this command; name another folder")


def _is_ours(folder: Path) -> bool:
    names = {file.name for file in folder.iterdir()}
    return names <= {"student.tflite", "student.json", "scenes"}


def write_assets(config: AssetsConfig) -> CheckpointInfo:
    """Write the folder under a temporary name and rename it; returns what the student says of itself.

    Raises:
        InputError: the checkpoint cannot be read.
        ExportError: the student cannot be converted.
    """
    network, info = load_network(config.model)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=config.out.parent, prefix=f".{config.out.name}.") as temporary:
        folder = Path(temporary) / config.out.name
        scenes = folder / "scenes"
        scenes.mkdir(parents=True)
        for number in range(config.scenes):
            scene = draw_scene(SceneConfig(size=SCENE_SIZE), SCENE_SEED, number)
            Image.fromarray(scene.image).save(scenes / f"{number}.png", optimize=True)
        export_network(network, info, ExportConfig(model=config.model, out=folder / "student.tflite"))
        shutil.rmtree(config.out, ignore_errors=True)
        folder.rename(config.out)
    return info


def main(argv: list[str] | None = None) -> int:
    """Run the command."""

    def action(config: AssetsConfig):
        info = write_assets(config)
        print(f"{config.out}: {info.name} of step {info.step}, {config.scenes} scenes")

    return command("app_assets", AssetsConfig.__doc__, AssetsConfig, action, argv)


if __name__ == "__main__":
    sys.exit(main())
