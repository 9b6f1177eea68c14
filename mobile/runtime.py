"""Exported models on this host."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobile import metadata
from mobile.errors import ExportError
from mobile.quiet import quiet


class LiteRTModel:
    """An exported model: images (B, H, W, 3) RGB 0..255 to a dict of maps (B, h, w, C) float32 by output name.

    Args:
        path: the .tflite; the JSON that was written with it lies beside it.
        num_threads: threads of one run.

    Raises:
        ExportError: the file is no model, its JSON is missing, or the two do not belong together.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path, num_threads: int = 1):
        self.path = Path(path)
        content = self.path.read_bytes()
        self.metadata = metadata.read(self.path)
        if self.metadata["model"]["sha256"] != metadata.sha256(content):
            raise ExportError(
                f"{self.path} is not the model that {metadata.metadata_path(self.path).name} describes: "
                "their SHA-256 differ; export it again"
            )
        self._interpreter = interpreter(content, num_threads, self.path)
        with quiet():
            self._run = self._interpreter.get_signature_runner(self.metadata["model"]["signature"])

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) of the input, pixels."""
        return self.metadata["input"]["width"], self.metadata["input"]["height"]

    def __call__(self, images: np.ndarray | Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        images = np.asarray(images)
        width, height = self.input_size
        if images.ndim != 4 or images.shape[1:] != (height, width, 3) or not len(images):
            raise ExportError(f"{self.path.name} takes images of shape (B, {height}, {width}, 3), not {images.shape}")
        name = self.metadata["input"]["name"]
        runs = [self._run(**{name: image[None].astype(np.float32)}) for image in images]
        return {key: np.concatenate([run[key] for run in runs]) for key in runs[0]}


def interpreter(content: bytes, num_threads: int, path: Path) -> Any:
    """LiteRT interpreter of a model, ready to run.

    Raises:
        ExportError: the content of `path` is no model.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            model = Interpreter(model_content=content, num_threads=num_threads)
            model.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ExportError(f"{path} is no model that LiteRT can load ({error})") from None
    return model
