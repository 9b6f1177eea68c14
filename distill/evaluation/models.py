"""Models of either kind, checkpoints and exported ones, ready to find persons."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from distill.evaluation.exported import exported_predictor, exported_skeleton
from distill.evaluation.predictor import Predictor, network_forward
from distill.networks.checkpoint import load_network
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton
from distill.system.devices import choose_device
from distill.system.errors import InputError
from mobile import formats


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be called."""

    make_predictor: Callable[[GroupingConfig | None, bool], Predictor]
    "From grouping, None for what the model recommends, and flip to what finds persons."
    input_size: tuple[int, int]
    "(width, height) of its input, pixels."
    skeleton: Skeleton
    "Of its channels."
    origin: dict
    "What it was made from, as JSON values."

    def predictor(self, grouping: GroupingConfig | None = None, flip: bool = False) -> Predictor:
        """What finds persons in photographs.

        Args:
            grouping: how maps become persons; by default what an exported model recommends, else `GroupingConfig`'s.
            flip: look at the mirrored photograph, too.

        Raises:
            InputError: the model gives peaks and flip is asked for.
        """
        return self.make_predictor(grouping, flip)


def load_model(path: Path | str, *, input_size: tuple[int, int] | None = None, device: str = "auto") -> LoadedModel:
    """A checkpoint, or an exported model, on the CPU with torch's threads.

    Args:
        input_size: (width, height) of a checkpoint's input, pixels; by default that of its training.
        device: of a checkpoint: cpu, cuda, or auto: the GPU if there is one.

    Raises:
        InputError: the file is missing, of neither kind or damaged, the device is not there, or an exported model is
            to have another input.
        ExportError: an exported model and its JSON do not belong together.
    """
    path = Path(path)
    kinds = f".safetensors (checkpoint), {' or '.join(formats.RUN)} (exported model)"
    if not path.is_file():
        raise InputError(f"model {path} does not exist; give a file that ends in {kinds}")
    if path.suffix in formats.RUN:
        if input_size is not None:
            raise InputError(f"model {path} has the input it was exported with; leave input_size out")
        return _load_exported(path)
    if path.suffix == ".safetensors":
        return _load_checkpoint(path, input_size, choose_device(device))
    raise InputError(f"model {path} must end in {kinds}")


def _load_checkpoint(path: Path, input_size: tuple[int, int] | None, device: torch.device) -> LoadedModel:
    network, info = load_network(path)
    size = input_size or info.input_size
    forward = network_forward(network.to(device, memory_format=torch.channels_last), device, heads=info.heads)
    origin = {"network": info.name, "step": info.step}

    def predictor(grouping: GroupingConfig | None, flip: bool) -> Predictor:
        return Predictor(forward, size, info.skeleton, grouping or GroupingConfig(), flip, info.heads)

    return LoadedModel(predictor, size, info.skeleton, origin)


def _load_exported(path: Path) -> LoadedModel:
    model = formats.load(path, torch.get_num_threads())

    def predictor(grouping: GroupingConfig | None, flip: bool) -> Predictor:
        return exported_predictor(model, grouping, flip)

    return LoadedModel(predictor, model.input_size, exported_skeleton(model), model.metadata["source"])
