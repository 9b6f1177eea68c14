"""What a training minimises: the losses of every output, and further ones, weighted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from distill.heads.batch import Batch
from distill.heads.contract import Head, Loss, split_key, split_stage
from distill.heads.maps import activated, of_last_stage
from distill.networks.layers import layer_of
from distill.system.errors import InputError
from distill.system.registry import checked_options
from distill.training.losses.registry import LOSSES

DEFAULT_WEIGHT = 1.0
"Of a further loss that is given none."
LAYER = "student_layer"
"Option of a further loss that looks at what a layer of the network gives."


@dataclass(frozen=True)
class LossConfig:
    """How hard labels, soft labels and further losses share in what is minimised."""

    alpha: float = 0.5
    "Share of the soft labels, 0..1; the hard labels have the rest."
    alpha_end: float | None = None
    "Share of the soft labels at the last step, to which it moves linearly from alpha; by default it stays."
    terms: dict[str, dict[str, Any]] = field(default_factory=dict, metadata={"registry": LOSSES})
    "Further losses by name, each with its weight (1 if not given) and its options."

    def __post_init__(self):
        for name in ("alpha", "alpha_end"):
            if not 0 <= (getattr(self, name) or 0) <= 1:
                raise InputError(f"loss.{name} must lie in 0..1, not {getattr(self, name)}")
        for name, options in self.terms.items():
            if not isinstance(options, Mapping) or not isinstance(options.get("weight", DEFAULT_WEIGHT), int | float):
                raise InputError(f"loss.terms.{name} must be a weight and options, such as {{weight: 0.1}}")

    @property
    def needs_soft_labels(self) -> bool:
        """Whether the soft labels have a share at any step."""
        return self.alpha > 0 or bool(self.alpha_end)

    def alpha_at(self, done: float) -> float:
        """Share of the soft labels when a share 0..1 of the steps is done."""
        return self.alpha if self.alpha_end is None else self.alpha + (self.alpha_end - self.alpha) * done


class Objective:
    """Losses by name, of one network's outputs.

    Args:
        heads: by output name.
        strides: of the network's outputs, by key; see `distill.networks.registry.strides_of`.
        config: how they are put together.

    Raises:
        InputError: a further loss or one of its options is unknown.
    """

    def __init__(self, heads: Mapping[str, Head], strides: Mapping[str, int], config: LossConfig):
        self.heads, self.strides, self.alpha_at = heads, strides, config.alpha_at
        for name, head in heads.items():
            head.check([key for key in strides if split_key(key)[0] == name])
        self._further = {name: _further(name, options) for name, options in config.terms.items()}
        self._layers = [options[LAYER] for options in config.terms.values() if LAYER in options]
        self._seen: dict[str, torch.Tensor] = {}

    def watch(self, network: nn.Module):
        """Keep what the layers give that further losses look at, until the losses of the same images.

        Raises:
            InputError: the network has no such layer.
        """

        def keep(name: str, given: torch.Tensor):
            if torch.is_grad_enabled():
                self._seen[name] = given

        for name in self._layers:
            layer_of(network, name, LAYER).register_forward_hook(lambda module, args, out, name=name: keep(name, out))

    def counts(self, batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
        """How many things each loss of a step is a mean over, scalars by name, added up over its parts."""
        parts = [
            _joined(self._head(key).counts(batch, stride) for key, stride in self.strides.items()) for batch in batches
        ]
        return {name: sum(part[name] for part in parts).float() for name in parts[0]}

    def losses(
        self,
        outputs: Mapping[str, torch.Tensor],
        batch: Batch,
        counts: Mapping[str, torch.Tensor],
        done: float = 0.0,
    ) -> dict[str, Loss]:
        """Losses by name; those of an earlier stage's maps end in `_stageN`.

        Args:
            outputs: maps by key, also those of earlier stages.
            counts: as `counts` gives them, of the whole step, each at least 1, shared among its parts.
            done: share of the steps that is done, 0..1.
        """
        alpha, own = self.alpha_at(done), []
        for key, maps in outputs.items():
            last, stage = split_stage(key)
            losses = self._head(last).losses(maps, batch, self.strides[last], alpha, counts)
            own.append(losses if stage is None else {f"{name}_stage{stage}": loss for name, loss in losses.items()})
        given = activated(of_last_stage(outputs), self.heads) if self._further else {}
        given |= self._seen
        self._seen.clear()
        further = {name: Loss(loss(given, batch), weight) for name, (loss, weight) in self._further.items()}
        return _joined([*own, further])

    def _head(self, key: str) -> Head:
        return self.heads[split_key(key)[0]]


def _joined(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All entries of several mappings.

    Raises:
        InputError: two have one name.
    """
    joined: dict[str, Any] = {}
    for part in parts:
        if twice := joined.keys() & part.keys():
            raise InputError(f"two losses are called {min(twice)}, of one output at two strides or of loss.terms")
        joined |= part
    return joined


def total(losses: Mapping[str, Loss]) -> torch.Tensor:
    """The weighted sum."""
    return sum(loss.weight * loss.value for loss in losses.values())


def _further(name: str, options: Mapping[str, Any]) -> tuple[Callable, float]:
    options = dict(options)
    weight = options.pop("weight", DEFAULT_WEIGHT)
    loss = LOSSES.get(name)
    return partial(loss, **checked_options(loss, options, f"loss {name}")), weight
