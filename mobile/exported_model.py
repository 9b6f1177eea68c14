"""What every exported model is, whatever runs it: a file, its JSON, and what it takes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mobile import metadata
from mobile.errors import ExportError
from mobile.packed import unpack


class ExportedModel:
    """A model's file with the JSON that was written with it, beside it or packed behind it.

    Args:
        path: the file.

    Raises:
        ExportError: its JSON is missing, or the two do not belong together.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.content = unpack(self.path.read_bytes()).model
        self.metadata = metadata.read(self.path)
        if self.metadata["model"]["sha256"] != metadata.sha256(self.content):
            beside = metadata.metadata_path(self.path)
            raise ExportError(
                f"{self.path} is not the model that {beside.name if beside.exists() else 'the JSON in it'} describes: "
                "their SHA-256 differ; export it again"
            )

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) of the input, pixels."""
        return self.metadata["input"]["width"], self.metadata["input"]["height"]

    def _checked(self, images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """The images as one array (B, H, W, 3).

        Raises:
            ExportError: they are of another size, or none.
        """
        images = np.asarray(images)
        width, height = self.input_size
        if images.ndim != 4 or images.shape[1:] != (height, width, 3) or not len(images):
            raise ExportError(f"{self.path.name} takes images of shape (B, {height}, {width}, 3), not {images.shape}")
        return images
