"""What the folder of a training says: configuration, curves, figures."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

from distill.networks.checkpoint import CheckpointInfo, read_checkpoint
from distill.system.errors import InputError
from distill.system.json_values import to_json_values
from distill.training.logbook import LOG
from distill.training.resume import LAST

BEST = "best.safetensors"
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "gate_offset")
"Ends of the names of tensors that are not trained."
_POINTS = 400
"Most points of a curve."

Curve = tuple[tuple[float, float], ...]
"Points step, value, by step."


@dataclass(frozen=True)
class Run:
    """One training."""

    folder: Path
    checkpoint: Path
    "The best where there is one, else the last."
    sha256: str
    info: CheckpointInfo
    parameters: int
    curves: dict[str, Curve]
    "By tag of the TensorBoard log."

    @property
    def settings(self) -> str:
        """The whole configuration, YAML: `distill-train --config` takes it again."""
        return yaml.safe_dump(to_json_values(self.info.config), sort_keys=False, allow_unicode=True)


def read_run(folder: Path) -> Run:
    """The training of a folder that distill-train wrote, finished or not.

    Raises:
        InputError: there is no checkpoint, or it is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"run {folder} is no folder; name one that distill-train wrote")
    checkpoint = next((folder / name for name in (BEST, LAST) if (folder / name).is_file()), None)
    if checkpoint is None:
        raise InputError(f"run {folder} holds no {LAST}; name a folder that distill-train wrote")
    info, state, _ = read_checkpoint(checkpoint)
    with checkpoint.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    trained = (tensor for key, tensor in state.items() if not key.endswith(_BUFFERS))
    return Run(folder, checkpoint, sha256, info, sum(tensor.numel() for tensor in trained), _curves(folder))


def _curves(folder: Path) -> dict[str, Curve]:
    """All scalars of the TensorBoard log; what is damaged of it, TensorBoard's reader leaves out."""
    if not (folder / LOG).is_dir():
        return {}
    log = EventAccumulator(str(folder / LOG), size_guidance={SCALARS: 0})
    log.Reload()
    return {
        tag: _thinned([(float(event.step), float(event.value)) for event in log.Scalars(tag)])
        for tag in log.Tags()[SCALARS]
    }


def _thinned(points: list[tuple[float, float]]) -> Curve:
    """At most about `_POINTS`, evenly, the last among them."""
    points = sorted(dict(points).items())
    every = -(-len(points) // _POINTS)
    return tuple(points[::-1][::every][::-1]) if points else ()
