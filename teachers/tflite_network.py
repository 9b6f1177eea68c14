"""Networks in .tflite files, run by LiteRT."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from teachers.errors import WeightsError


class TfliteNetwork:
    """A network from a .tflite file with one input, on the processor.

    Raises:
        WeightsError: the file is missing or damaged, or has several inputs.
    """

    def __init__(self, path: Path):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path} cannot be read ({error.strerror}); name the network's .tflite file") from None
        self.sha256 = hashlib.sha256(content).hexdigest()
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=torch.get_num_threads())
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise WeightsError(f"{path} is no network that LiteRT can load ({reason}); fetch it again") from None
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            raise WeightsError(f"{path} takes {len(inputs)} inputs; a teacher's network takes one, the photograph")
        self._input, self._outputs = inputs[0], self._interpreter.get_output_details()
        self.input_shape = tuple(int(side) for side in self._input["shape"])
        "Of the input, such as (1, H, W, 3)."
        self.output_shapes = {each["name"]: tuple(each["shape"].tolist()) for each in self._outputs}
        "Of the outputs by name."
        self.takes_integers = np.issubdtype(self._input["dtype"], np.integer)
        "Whether the input is 0..255 in integers."

    def __call__(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs by name, as the float32 values that they stand for.

        Args:
            values: of the type of the input, as it is stored.
        """
        self._interpreter.set_tensor(self._input["index"], values)
        self._interpreter.invoke()
        return {each["name"]: self._value(each) for each in self._outputs}

    def _value(self, detail: dict) -> np.ndarray:
        stored = self._interpreter.get_tensor(detail["index"])
        scale, zero = detail["quantization"]
        return (stored.astype(np.float32) - zero) * np.float32(scale) if scale else stored
