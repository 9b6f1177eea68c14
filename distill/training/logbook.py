"""The record of a run for TensorBoard: scalars, images, histograms, configuration."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np
import torch
import yaml
from torch import nn

# Where tensorflow is installed TensorBoard's writer imports it, and litert_torch crashes when it comes after
# tensorflow; this is the switch that TensorBoard itself looks for, and it must be set before the import.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))

from torch.utils.tensorboard import SummaryWriter  # noqa: E402
from torch.utils.tensorboard.summary import hparams as hparams_summary  # noqa: E402

from distill.networks.modes import evaluating  # noqa: E402
from distill.system.notes import note  # noqa: E402

_FLUSH_SECONDS = 20
ACTIVATION_SAMPLES = 8
"Samples whose activations are looked at."
_ACTIVATIONS = 20_000
"Values of one rectifier that a histogram is made of, about."
_DEAD = 0.999
"Share of zeros from which a rectifier is dead."
_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU)
LOG = "log"
"Folder of the event files in that of a run."
CYCLE_END = "schedule/cycle_end"
"Tag of the learning rate with which each of its cycles ends."


class Logbook:
    """Writes one TensorBoard run into a folder.

    Args:
        directory: folder of the event files; made if missing. A resumed run uses the same one.
        config: the whole configuration, shown as text.
        purge_step: first step that this run writes; what an interrupted run wrote from there on is
            no longer shown. None when the folder is new.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, directory: Path | str, config: Mapping[str, Any], purge_step: int | None = None):
        self._last_step = purge_step or 0
        self._writer = SummaryWriter(str(directory), purge_step=purge_step, flush_secs=_FLUSH_SECONDS)
        text = yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True)
        self._writer.add_text("config", f"```yaml\n{text}```", self._last_step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers by tag; a part before a slash groups them."""
        self._last_step = max(self._last_step, step)
        for tag, value in values.items():
            self._writer.add_scalar(tag, float(value), step)

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        """Record images (H, W, 3) uint8 RGB by tag."""
        for tag, image in images.items():
            self._writer.add_image(tag, image, step, dataformats="HWC")

    def precision_recall(self, step: int, tag: str, counts: Mapping[str, np.ndarray]) -> None:
        """Record a precision-recall curve; see `distill.evaluation.figures.counts_by_score`."""
        given = {name: torch.from_numpy(values) for name, values in counts.items()}
        self._writer.add_pr_curve_raw(
            tag,
            true_positive_counts=given["tp"],
            false_positive_counts=given["fp"],
            true_negative_counts=given["tn"],
            false_negative_counts=given["fn"],
            precision=given["precision"],
            recall=given["recall"],
            global_step=step,
            num_thresholds=len(given["tp"]),
        )

    def activations(self, step: int, network: nn.Module, images: torch.Tensor) -> None:
        """Record the distribution of what every rectifier gives for images (B, 3, H, W), and its share of zeros.

        The network works in evaluation mode for this, and keeps its statistics. Layers that give next to nothing but
        zeros are told of once.
        """
        handles = []
        for name, module in network.named_modules():
            if isinstance(module, _RECTIFIERS):
                handles.append(module.register_forward_hook(self._activation(name, step)))
        try:
            with torch.inference_mode(), evaluating(network):
                network(images)
        finally:
            for handle in handles:
                handle.remove()

    def histograms(self, step: int, network: nn.Module) -> None:
        """Record the distribution of every parameter and of its gradient, where there is one.

        Values that are not finite are left out; how many there were is the scalar `nonfinite/NAME`.
        """
        for name, parameter in network.named_parameters():
            self._histogram(f"parameters/{name}", parameter, step)
            if parameter.grad is not None:
                self._histogram(f"gradients/{name}", parameter.grad, step)

    def hparams(self, config: Mapping[str, Any], metrics: Mapping[str, float | None]) -> None:
        """Record the settings of the run beside what came of it, for the table of runs (HPARAMS).

        Metrics become the scalars `final/NAME` at the last step recorded; None is left out.
        """
        final = {f"final/{name}": float(value) for name, value in metrics.items() if value is not None}
        for summary in hparams_summary(_flat(_plain(config)), final):
            self._writer.file_writer.add_summary(summary)
        self.scalars(self._last_step, final)

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()

    def _activation(self, name: str, step: int):
        def record(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            self._histogram(f"activations/{name}", output.flatten()[:: max(1, output.numel() // _ACTIVATIONS)], step)
            zeros = float((output == 0).float().mean())
            self.scalars(step, {f"dead/{name}": zeros})
            if zeros > _DEAD:
                note(f"{name} gives zeros only, so nothing behind it learns from it; lower schedule.peak or clip_norm")

        return record

    def _histogram(self, tag: str, tensor: torch.Tensor, step: int) -> None:
        values = tensor.detach().float().flatten()
        finite = values[values.isfinite()]
        if len(finite) < len(values):
            self.scalars(step, {f"nonfinite/{tag}": len(values) - len(finite)})
        if len(finite):
            self._writer.add_histogram(tag, finite, step)


def _plain(value: Any) -> Any:
    """Mappings and sequences as dicts and lists; what is no number, truth or text as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, float | str]:
    """Nested settings as one level with dotted names; numbers stay numbers, the rest becomes JSON or text."""
    settings = {}
    for key, value in config.items():
        if isinstance(value, dict):
            settings |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
            settings[prefix + key] = value
        else:
            settings[prefix + key] = json.dumps(value)
    return settings
