"""A network at the start of a training: from scratch, or from the weights of another."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from distill.heads.contract import Head
from distill.networks.checkpoint import CheckpointInfo, read_checkpoint
from distill.networks.registry import NETWORKS, create, without_pretrained
from distill.pose.skeleton import Skeleton, shared_joints
from distill.system.choice import Choice
from distill.system.errors import InputError

_ABSENT = -1


def start_network(
    choice: Choice, heads: Mapping[str, Head], skeleton: Skeleton, weights: Path | None
) -> tuple[nn.Module, str]:
    """A network to train, and in one line what was taken from the weights, empty where all was.

    Weights of another skeleton give the channels of the joints that both name alike, those of other outputs what
    both have; the rest starts from scratch.

    Raises:
        InputError: name or options do not fit, the weights cannot be read or are of another network.
    """
    if weights is None:
        return create(choice, heads, skeleton), ""
    choice = without_pretrained(choice)
    network = create(choice, heads, skeleton)
    info, state, _ = read_checkpoint(weights)
    choice = NETWORKS.expanded(choice)
    if info.choice.name != choice.name:
        raise InputError(f"weights {weights} are of {info.name}, not of model {choice}")
    sources = _sources(info.skeleton, skeleton), len(info.skeleton)
    taken = _taken(network, state, _joint_blocks(choice, heads, skeleton), *sources, weights)
    network.load_state_dict(network.state_dict() | taken)
    fresh, unused = network.state_dict().keys() - taken.keys(), state.keys() - taken.keys()
    return network, _told(weights, info, skeleton, fresh, unused)


def _sources(found: Skeleton, wanted: Skeleton) -> torch.Tensor:
    """(K,) number of each wanted joint among those found, -1 where it is not among them."""
    sources = torch.full((len(wanted),), _ABSENT)
    for own, other, _ in shared_joints(wanted, found):
        sources[own] = other
    return sources


def _joint_blocks(choice: Choice, heads: Mapping[str, Head], skeleton: Skeleton) -> dict[str, tuple[int, int]]:
    """By tensor: the dimension that grows with the joints, and how many channels each joint has there.

    Found by building the network for one joint more, without memory.
    """
    one_more = Skeleton.from_plain(
        skeleton.plain()
        | {
            "joints": [*skeleton.joints, "_one_more"],
            "sigmas": [*skeleton.sigmas, 1.0],
            "grouping_order": [*skeleton.grouping_order, "_one_more"],
        }
    )
    with torch.device("meta"):
        small, large = (create(choice, heads, s).state_dict() for s in (skeleton, one_more))
    return {
        key: (dimension, larger - smaller)
        for key in small
        for dimension, (smaller, larger) in enumerate(zip(small[key].shape, large[key].shape, strict=True))
        if larger != smaller
    }


def _taken(
    network: nn.Module,
    state: Mapping[str, torch.Tensor],
    blocks: Mapping[str, tuple[int, int]],
    sources: torch.Tensor,
    found: int,
    path: Path,
) -> dict[str, torch.Tensor]:
    """Tensors for the network, joints in its own order; those of joints that the weights lack stay as they are."""
    # Buffers of one number are settings of the network, such as its gate, and not something learnt.
    settings = {key for key, own in network.named_buffers() if own.ndim == 0 and own.is_floating_point()}
    taken = {}
    for key, own in network.state_dict().items():
        if key not in state:
            continue
        value = state[key].to(own.dtype)
        if key in blocks:
            value = _by_joint(own, value, *blocks[key], sources, found)
        if key in settings:
            value = own
        if value is None or value.shape != own.shape:
            raise InputError(
                f"weights {path} are of another architecture: {key} is {tuple(state[key].shape)} in the file and "
                f"{tuple(own.shape)} in the network"
            )
        taken[key] = value
    return taken


def _by_joint(
    own: torch.Tensor, value: torch.Tensor, dimension: int, blocks: int, sources: torch.Tensor, found: int
) -> torch.Tensor | None:
    """Along a dimension whose last channels are blocks of joints, take each block's shared joints.

    Blocks that only one of the two has, such as that of tags, come last.

    Args:
        found: number of joints of the weights.
    """
    own, value = own.movedim(dimension, 0), value.movedim(dimension, 0)
    joints = len(sources)
    before = len(own) - blocks * joints
    given, rest = divmod(len(value) - before, found)
    if rest or given < 1 or own.shape[1:] != value.shape[1:]:
        return None
    result = own.clone()
    result[:before] = value[:before]
    shared = sources != _ABSENT
    for block in range(min(blocks, given)):
        target = before + block * joints + torch.arange(joints)[shared]
        result[target] = value[before + block * found + sources[shared]]
    return result.movedim(0, dimension)


def _told(path: Path, info: CheckpointInfo, skeleton: Skeleton, fresh: set[str], unused: set[str]) -> str:
    said = []
    if info.skeleton.joints != skeleton.joints:
        shared = [joint for joint in skeleton.joints if joint in info.skeleton.joints]
        new = [joint for joint in skeleton.joints if joint not in info.skeleton.joints]
        said.append(f"{len(shared)} of {len(skeleton)} joints ({', '.join(shared) or 'none'})")
        said.append(f"from scratch: {', '.join(new)}" if new else "")
    if fresh:
        said.append(f"not in the file: {', '.join(sorted({key.split('.')[0] for key in fresh}))}")
    if unused:
        said.append(f"left out: {', '.join(sorted({key.split('.')[0] for key in unused}))}")
    return f"taken from {path}: {'; '.join(filter(None, said))}" if said else ""
