"""Exported models on this host."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobile.errors import ExportError
from mobile.exported_model import ExportedModel
from mobile.pixels import with_alpha
from mobile.quiet import quiet


@dataclass(frozen=True)
class Delegation:
    """How much of a model the runtime's fast path has taken over."""

    pieces: int
    "Parts of the graph that were handed to a delegate."
    whole: bool
    "Whether the only piece reaches from the inputs to the outputs, so that no operator is left outside."


class LiteRTModel(ExportedModel):
    """An exported model: images (B, H, W, 3) RGB 0..255 to a dict of outputs (B, ...) by name.

    Integers of a quantised model are turned into the float32 values they stand for.

    Args:
        path: the .tflite; the JSON that was written with it lies beside it.
        num_threads: threads of one run.

    Raises:
        ExportError: the file is no model, its JSON is missing, or the two do not belong together.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path, num_threads: int = 1):
        super().__init__(path)
        self._interpreter = interpreter(self.content, num_threads, self.path)
        with quiet():
            self._run = self._interpreter.get_signature_runner(self.metadata["model"]["signature"])
        self._inputs, self._outputs = self._run.get_input_details(), self._run.get_output_details()

    @property
    def delegation(self) -> Delegation:
        """How much of the model is delegated."""
        return delegation(self._interpreter)

    def __call__(self, images: np.ndarray | Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        images = self._checked(images)
        name = self.metadata["input"]["name"]
        runs = [self._run(**{name: stored_images(image[None], self._inputs[name])}) for image in images]
        return {
            key: to_values(np.concatenate([run[key] for run in runs]), detail) for key, detail in self._outputs.items()
        }


def stored_images(images: np.ndarray, detail: dict) -> np.ndarray:
    """Images (B, H, W, 3) as an input of three channels takes them, or of four, whose last is alpha."""
    return to_stored(with_alpha(images) if detail["shape"][-1] == 4 else images, detail)


def to_stored(values: np.ndarray, detail: dict) -> np.ndarray:
    """Values as an input takes them; `detail` is what LiteRT says of it."""
    scale, zero = detail["quantization"]
    if not scale:
        return values.astype(detail["dtype"])
    limits = np.iinfo(detail["dtype"])
    # Pixels have 256 values, each of which is worked out once.
    each = np.arange(256) if values.dtype == np.uint8 else values
    stored = np.rint(each / scale + zero).clip(limits.min, limits.max).astype(detail["dtype"])
    return stored[values] if values.dtype == np.uint8 else stored


def to_values(stored: np.ndarray, detail: dict) -> np.ndarray:
    """What an output stands for: float32 where it is quantised; `detail` is what LiteRT says of it."""
    scale, zero = detail["quantization"]
    return stored if not scale else (stored.astype(np.float32) - zero) * np.float32(scale)


def delegation(model: Any) -> Delegation:
    """The delegated pieces of a LiteRT interpreter whose tensors are allocated."""
    pieces = [node for node in model._get_ops_details() if node["op_name"] == "DELEGATE"]
    ends = {d["index"] for d in model.get_input_details() + model.get_output_details()}
    reached = {int(tensor) for node in pieces for tensor in (*node["inputs"], *node["outputs"])}
    return Delegation(len(pieces), len(pieces) == 1 and ends <= reached)


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
