"""Photographs that are almost the same: frames of a film, edited and augmented copies."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

RADIUS = 6
"Bits of 64 that may differ; different photographs differ in about 32."
_AUGMENTED = re.compile(r"\.rf\.[0-9a-zA-Z]+$")
"How Roboflow ends the names of copies of one photograph."


def difference_hash(path: Path) -> int | None:
    """64 bits, each whether a cell of the photograph, shrunk to 9 x 8 in grey, is darker than its right neighbour.

    None where it cannot be read. Nearly equal photographs have nearly equal hashes; mirrored ones do not.
    """
    try:
        with Image.open(path) as image:
            image.draft("L", (72, 64))
            small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None
    return int(np.packbits(small[:, 1:] > small[:, :-1]).view(">u8")[0])


def difference_hashes(paths: Iterable[Path], threads: int = 2) -> list[int | None]:
    """Those of many photographs, in their order."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(difference_hash, paths))


def groups_of(hashes: Sequence[int | None], names: Sequence[str] | None = None) -> np.ndarray:
    """(N,) int: number of the group of each photograph; those that are almost the same share one, by any chain.

    Args:
        hashes: as `difference_hashes` gives them; None is like no other.
        names: (N,) files; copies that an augmenting tool named alike belong together.
    """
    known = np.flatnonzero([value is not None for value in hashes])
    values = np.array([hashes[row] for row in known.tolist()], dtype=np.uint64)
    pairs = [known[np.stack(pair)] for pair in _near_pairs(values)]
    if names is not None:
        pairs += _of_one_origin(names)
    ends = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), dtype=np.int64)
    graph = coo_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(len(hashes), len(hashes)))
    return connected_components(graph, directed=False)[1]


def _near_pairs(values: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Places of hashes that differ in at most RADIUS bits: such have one of their eight bytes in common."""
    for byte in range(8):
        part = (values >> np.uint64(8 * byte)) & np.uint64(0xFF)
        order = np.argsort(part, kind="stable")
        for those in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
            for start in range(0, len(those) - 1):
                rest = those[start + 1 :]
                near = rest[np.bitwise_count(values[those[start]] ^ values[rest]) <= RADIUS]
                if len(near):
                    yield np.full(len(near), those[start]), near


def _of_one_origin(names: Sequence[str]) -> list[np.ndarray]:
    first, pairs = {}, []
    for row, name in enumerate(names):
        stem = Path(name).stem
        if _AUGMENTED.search(stem):
            owner = first.setdefault(_AUGMENTED.sub("", stem), row)
            pairs.append(np.array([[owner], [row]]))
    return pairs
