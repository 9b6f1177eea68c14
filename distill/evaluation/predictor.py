"""From photographs to persons, with any network."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

import numpy as np
import torch
from torch import nn

from distill.data.keypoint_set import KeypointSet
from distill.data.normalise import normalise
from distill.heads.contract import Head
from distill.heads.maps import activated, at_finest
from distill.heads.registry import decoding_head, known_heads
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton
from distill.system.overlap import mapped

Forward = Callable[[np.ndarray], dict[str, torch.Tensor]]
"Letterboxed photographs (B, H, W, 3) uint8 RGB to maps (B, C, h, w) by name, as networks return them."
Located = tuple[list[tuple[np.ndarray, np.ndarray]], int]
"Persons (P, K, 3) in map cells and scores (P,) of each image, and the width of the maps in cells."


class Predictor:
    """Persons of photographs of any size, found by whatever the outputs of a network allow.

    Args:
        forward: the network; see `network_forward` and `distill.evaluation.exported.exported_forward`.
        input_size: (width, height) of its input, pixels.
        skeleton: of its channels.
        grouping: how maps become persons.
        flip: look at the mirrored photograph, too; its heatmaps are averaged, its tags a second tag of each cell.
        heads: what the outputs mean, by name; by default those known under the outputs' names.
    """

    gives_maps = True
    "Whether `maps` can be asked."

    def __init__(
        self,
        forward: Forward,
        input_size: tuple[int, int],
        skeleton: Skeleton,
        grouping: GroupingConfig,
        flip: bool = False,
        heads: Mapping[str, Head] | None = None,
    ):
        self.forward, self.input_size, self.skeleton = forward, input_size, skeleton
        self.grouping, self.flip, self.heads = grouping, flip, heads

    def __call__(self, photographs: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each photograph (H, W, 3) uint8 RGB its persons (P, K, 3) in its pixels, and their scores (P,).

        All photographs go through the network as one batch.
        """
        return self.begin(photographs)()

    def begin(self, photographs: Sequence[np.ndarray]) -> Callable[[], list[tuple[np.ndarray, np.ndarray]]]:
        """As a call, but only as far as the network goes; what is returned does the rest, in any thread."""
        if not photographs:
            return list
        images, matrices = zip(*(letterboxed(photograph, self.input_size) for photograph in photographs), strict=True)
        decode = self.seen(np.stack(images))

        def finish() -> list[tuple[np.ndarray, np.ndarray]]:
            found, columns = decode()
            to_cells = geometry.scaling(columns / self.input_size[0])
            return [
                (to_photograph(persons, geometry.compose(matrix, to_cells)), scores)
                for (persons, scores), matrix in zip(found, matrices, strict=True)
            ]

        return finish

    def locate(self, images: np.ndarray) -> Located:
        """Persons (P, K, 3) in map cells and scores (P,) of letterboxed images, and the width of the maps in cells."""
        return self.seen(images)()

    def seen(self, images: np.ndarray) -> Callable[[], Located]:
        """As `locate`, but only as far as the network goes; what is returned does the rest, in any thread."""
        maps, decoder = self.maps(images)

        def locate() -> Located:
            found = [
                decoder.persons({name: values[i] for name, values in maps.items()}, self.skeleton, self.grouping)
                for i in range(len(images))
            ]
            return found, next(iter(maps.values())).shape[-1]

        return locate

    def maps(self, images: np.ndarray) -> tuple[dict[str, np.ndarray], Head]:
        """Maps (B, C, h, w) of letterboxed images that persons are found from, by name, and what finds them.

        With flip, those of the mirrored images are combined with them as each output's head says.
        """
        maps = at_finest(self.forward(images))
        mirrored = at_finest(self.forward(images[:, :, ::-1])) if self.flip else {}
        heads = known_heads(maps) if self.heads is None else self.heads
        decoder = decoding_head(heads, maps)
        order = torch.from_numpy(self.skeleton.flip_index)
        seen = {}
        for name in decoder.decodes:
            turned_back = mirrored[name].flip(-1) if self.flip else None
            seen[name] = heads[name].combined(maps[name], turned_back, order.to(maps[name].device)).cpu().numpy()
        return seen, decoder


def predict_all(
    predictor: Predictor,
    data: KeypointSet,
    image_ids: Sequence[int] | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Persons (P, K, 3) and scores (P,) by image id, for all photographs of a split or those asked for.

    Photographs are decoded ahead of the network, and persons found in its maps behind it, by threads.

    Args:
        batch_size: photographs that go through the network together.
        progress: called with photographs done and to be done.
    """
    ids = [int(i) for i in (data.image_ids if image_ids is None else image_ids)]
    photographs = mapped(data.photograph, ids, depth=batch_size)
    predictions, waiting = {}, deque()

    def collect():
        part, found = waiting.popleft()
        predictions.update(zip(part, found.result(), strict=True))
        progress(len(predictions), len(ids))

    with ThreadPoolExecutor(1) as pool:
        for start in range(0, len(ids), batch_size):
            part = ids[start : start + batch_size]
            waiting.append((part, pool.submit(predictor.begin(list(islice(photographs, len(part)))))))
            if len(waiting) > 1:
                collect()
        while waiting:
            collect()
    return predictions


def letterboxed(photograph: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A photograph (H, W, 3) fitted into (width, height) pixels, and the matrix (2, 3) that did it."""
    matrix = geometry.letterbox(photograph.shape[1::-1], size)
    return geometry.warp(photograph, matrix, size, fill=geometry.PADDING), matrix


def to_photograph(persons: np.ndarray, to_map: np.ndarray) -> np.ndarray:
    """Persons (P, K, 3) in map coordinates to photograph coordinates; joints of score 0 stay zero.

    Args:
        to_map: (2, 3), photograph to map.
    """
    points = geometry.transform(geometry.invert(to_map), persons[..., :2])
    found = persons[..., 2:] > 0
    return np.concatenate([points * found, persons[..., 2:]], axis=-1).astype(np.float32)


def network_forward(
    network: nn.Module,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager] = nullcontext,
    heads: Mapping[str, Head] | None = None,
) -> Forward:
    """A torch network, in evaluation mode, as a `Forward`.

    Args:
        device: where the network is.
        heads: what its outputs mean, by name; with them logits become what the heads say, as in an exported model.
        autocast: called for the context in which the network runs.
    """

    @torch.inference_mode()
    def forward(images: np.ndarray) -> dict[str, torch.Tensor]:
        batch = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(device)
        with autocast():
            maps = network(normalise(batch))
        return maps if heads is None else activated(maps, heads)

    return forward
