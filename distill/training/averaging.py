"""The average of several checkpoints as one network, with statistics of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from distill.data.normalise import normalise
from distill.heads.batch import Batch
from distill.networks.checkpoint import CheckpointInfo, load_network, read_checkpoint
from distill.system.errors import InputError


def average(paths: Sequence[Path]) -> tuple[nn.Module, CheckpointInfo]:
    """A network whose weights are the mean of those of several checkpoints, and what the last of them says of itself.

    Izmailov et al., Averaging Weights Leads to Wider Optima, UAI 2018. Its normalisation has the mean of their
    statistics, which are nobody's; see `refresh_statistics`.

    Raises:
        InputError: a checkpoint cannot be read, there are fewer than two, or they are of different networks.
    """
    if len(paths) < 2:
        raise InputError(f"an average takes two checkpoints or more, not {len(paths)}")
    network, first = load_network(paths[0])
    sums = {key: value.double() for key, value in network.state_dict().items()}
    info = first
    for path in paths[1:]:
        info, state, _ = read_checkpoint(path)
        for name in ("model", "outputs", "skeleton"):
            if getattr(info, name) != getattr(first, name):
                raise InputError(f"{path} is of another {name} than {paths[0]}; average checkpoints of one training")
        for key in sums:
            sums[key] += state[key].double()
    own = network.state_dict()
    network.load_state_dict({key: (value / len(paths)).to(own[key].dtype) for key, value in sums.items()})
    return network, replace(info, config={}, schedule={}, optimizer={}, identity={}, metrics={})


def refresh_statistics(network: nn.Module, batches: Iterator[Batch]) -> nn.Module:
    """The network, in evaluation mode, with the statistics of its normalisation measured anew on batches."""
    images = (normalise(batch.images).contiguous(memory_format=torch.channels_last) for batch in batches)
    update_bn(images, network)
    return network.eval()
