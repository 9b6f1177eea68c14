"""Every network of the project by name and options, teachers and students alike."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

import students.registry
import teachers.registry
from distill.heads.batch import MASK_STRIDE
from distill.heads.contract import Head, split_key
from distill.heads.registry import OutputOptions, make_heads
from distill.networks.modes import evaluating
from distill.pose.skeleton import Skeleton
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.imports import import_entry_points
from distill.system.json_values import to_json_values
from distill.system.registry import checked_options

_PLACES = (students.registry, teachers.registry)
_STRIDE = 32
"Multiple of which the sides of a network's input are where it has no `stride` that says so."


class NetworkRegistry:
    """The networks that `students` and `teachers` hold, under their own names and short ones."""

    def names(self) -> list[str]:
        """All names, short ones included."""
        return sorted(name for place in self._loaded() for name in (*place.NETWORKS, *place.SHORT))

    def get(self, name: str) -> Callable[..., nn.Module]:
        """What makes the network of that name: called with channels by output name, and options.

        Raises:
            InputError: no network has that name.
        """
        own = self.expanded(Choice(name)).name
        return next(place.NETWORKS[own] for place in _PLACES if own in place.NETWORKS)

    def expanded(self, choice: Choice) -> Choice:
        """The same network without a short name: its options stand among those chosen, which win.

        Raises:
            InputError: no network has that name.
        """
        for place in self._loaded():
            if choice.name in place.NETWORKS:
                return choice
            if choice.name in place.SHORT:
                name, options = place.SHORT[choice.name]
                return Choice(name, options | choice.options)
        raise InputError(
            f"model {choice.name!r} is unknown; choose from {', '.join(self.names())}, or name the file that has it "
            "in imports"
        )

    def short_name(self, choice: Choice) -> str:
        """The short name that stands for just these options, else the network's own name."""
        wanted = to_json_values(self.expanded(choice))
        shorts = (name for place in self._loaded() for name in place.SHORT)
        return next((name for name in shorts if to_json_values(self.expanded(Choice(name))) == wanted), wanted["name"])

    def _loaded(self) -> tuple:
        for place in _PLACES:
            place.load()
        import_entry_points()
        own, other = ({*place.NETWORKS, *place.SHORT} for place in _PLACES)
        if twice := own & other:
            raise InputError(f"a student and a teacher's network are both called {min(twice)!r}; rename one")
        return _PLACES


NETWORKS = NetworkRegistry()


def heads_of(choice: Choice, options: OutputOptions) -> dict[str, Head]:
    """The heads of a network: its own outputs, changed by the options; see `distill.heads.registry.make_heads`."""
    return make_heads(NETWORKS.get(choice.name).default_outputs, options)


def create(choice: Choice, heads: Mapping[str, Head], skeleton: Skeleton) -> nn.Module:
    """A new network with these outputs for the joints of a skeleton.

    Raises:
        InputError: name or options are unknown, or do not fit one another or the outputs.
    """
    choice = NETWORKS.expanded(choice)
    make = NETWORKS.get(choice.name)
    options = checked_options(make, choice.options, f"model {choice.name}")
    try:
        return make(_channels(heads, skeleton), **options)
    except ValueError as error:
        raise InputError(f"model {choice.name}: {error}") from None


def without_pretrained(choice: Choice) -> Choice:
    """A network without its option `pretrained`, for one that is filled anyway: no file and no server is asked then."""
    return Choice(choice.name, {name: value for name, value in choice.options.items() if name != "pretrained"})


@torch.inference_mode()
def strides_of(network: nn.Module, heads: Mapping[str, Head], skeleton: Skeleton) -> dict[str, int]:
    """Stride of each of a network's outputs, pixels, by key such as heatmaps_s4; shown one black image.

    Raises:
        InputError: an output that the heads ask for is missing or has other channels.
    """
    parameter = next(network.parameters())
    side = 2 * getattr(network, "stride", _STRIDE)
    with evaluating(network):
        maps = network(torch.zeros(1, 3, side, side, device=parameter.device))
    names = {key: split_key(key)[0] for key in maps}
    if missing := heads.keys() - set(names.values()):
        raise InputError(f"the network gives no output {min(missing)}, only {', '.join(maps)}")
    wanted = _channels(heads, skeleton)
    strides = {}
    for key, name in names.items():
        if name not in wanted:
            raise InputError(
                f"the network gives an output {key} that nobody asked for; it must give {', '.join(heads)}"
            )
        if maps[key].shape[1] != wanted[name]:
            raise InputError(f"the network's output {key} has {maps[key].shape[1]} channels instead of {wanted[name]}")
        strides[key], rest = divmod(side, maps[key].shape[-1])
        if rest or strides[key] % MASK_STRIDE:
            raise InputError(
                f"the network's output {key} has {maps[key].shape[-1]} cells at {side} pixels; its stride "
                f"must be a multiple of {MASK_STRIDE}"
            )
    return strides


def _channels(heads: Mapping[str, Head], skeleton: Skeleton) -> dict[str, int]:
    """By output name."""
    return {name: head.channels(skeleton) for name, head in heads.items()}


def plain(choice: Choice) -> dict[str, Any]:
    """A network's name and options in full, as checkpoints keep them."""
    return to_json_values(NETWORKS.expanded(choice))
