"""What the outputs of a network are, as the caller of an export describes them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

HEATMAPS, TAGS = "heatmaps", "tags"
"Kinds of output that persons are found with; all others are handed on."


@dataclass(frozen=True)
class OutputInfo:
    """One output of a network."""

    kind: str
    "What programs know it by; `heatmaps` and `tags` are those that the app finds persons with."
    meaning: str
    "What its numbers say, for a reader of the JSON."
    stride: int | None = None
    "Pixels of the input from cell to cell, in x and in y; None: it has no cells."
    activation: Callable[[torch.Tensor], torch.Tensor] | None = None
    "Applied to the output inside the exported graph, such as `torch.sigmoid` to logits."
