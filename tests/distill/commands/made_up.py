"""A made-up configuration whose parts are chosen by name from made-up registries."""

from dataclasses import dataclass, field

from distill.system.choice import Choice
from distill.system.registry import Registry

MODELS = Registry("model", "distill.pose")
SCHEDULES = Registry("schedule", "distill.pose")
OUTPUTS = Registry("output", "distill.pose")


@MODELS.register("attention")
@dataclass(frozen=True)
class Attention:
    """Looks."""

    size: str = "xs"
    "How large."
    gate: str = "sigmoid"
    "What it multiplies with."
    widths: tuple[int, ...] = (16, 32)
    "Channels of each stage."
    flip: bool = False
    "Whether to mirror."


@MODELS.register("plain")
def plain(outputs: dict, *, depth: int = 3):
    """Does not look.

    Args:
        outputs: channels.
        depth: Layers.
    """


@SCHEDULES.register("cosine")
def cosine(*, peak: float = 0.1, period: int | None = None):
    """Falls.

    Args:
        peak: Highest rate.
        period: Steps until it is lowest.
    """


@SCHEDULES.register("constant")
def constant():
    """Stays."""


@OUTPUTS.register("heatmaps")
@dataclass(frozen=True)
class Heatmaps:
    """Where joints are."""

    sigma: float = 2.0
    "Width of a peak, cells."


@OUTPUTS.register("tags")
@dataclass(frozen=True)
class Tags:
    """Who has them."""

    pull: float = 0.1
    "Weight of the pull loss."


class ShortNames:
    """A registry with a short name for a size."""

    def names(self) -> list[str]:
        return sorted([*MODELS.names(), "attention_s"])

    def get(self, name: str):
        return MODELS.get("attention" if name == "attention_s" else name)

    def expanded(self, choice: Choice) -> Choice:
        return Choice("attention", {"size": "s"} | choice.options) if choice.name == "attention_s" else choice


@dataclass(frozen=True)
class Learning:
    """How it learns."""

    schedule: Choice = field(default=Choice("cosine", {"peak": 0.2}), metadata={"registry": SCHEDULES})
    "How the rate changes."


@dataclass(frozen=True)
class MadeUp:
    """Do a made-up thing."""

    target: str = "t"
    "What to do it to."
    model: Choice = field(default=Choice("attention"), metadata={"registry": ShortNames()})
    "What learns."
    learning: Learning = field(default_factory=Learning)
    "How it learns."
    outputs: dict[str, dict] = field(
        default_factory=lambda: {"heatmaps": {}, "tags": {"pull": 0.5}}, metadata={"registry": OUTPUTS}
    )
    "What it says."
    other: Choice = field(default=Choice("unknown"))
    "Of no known registry."
    input_size: int | tuple[int, int] = 256
    "Side, or width and height, pixels."
