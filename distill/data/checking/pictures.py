"""What looks wrong with the photographs of a set: all of them are read."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.near_duplicates import difference_hash, groups_of
from distill.data.photographs import header, read_photograph
from distill.data.reading.agreement import check_size
from distill.data.reading.findings import Findings
from distill.system.errors import InputError


@dataclass(frozen=True)
class Picture:
    """What is known of a photograph once it has been read."""

    path: Path
    sha256: str | None
    "Of the file; None where it cannot be read."
    near: int | None
    "As `difference_hash` gives it."
    fault: str | None
    "Why it cannot be used."


def read_pictures(
    split: AnnotatedSplit, threads: int, decode: bool, progress: Callable[[], None] = lambda: None
) -> list[Picture]:
    """All photographs of a split.

    Args:
        decode: read the pixels, which alone shows that a file is whole; otherwise only headers are looked at.
        progress: called after each.
    """

    def read(row: int) -> Picture:
        picture = _read(split, row, decode)
        progress()
        return picture

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(read, range(len(split.image_ids))))


def look(pictures: Mapping[str, list[Picture]], findings: Findings):
    """Add to the findings what looks wrong with the photographs of all splits, by name."""
    for name, those in pictures.items():
        for picture in those:
            if picture.fault:
                findings.add(f"photographs of {name} that cannot be used", picture.fault)
    everything = [(name, picture) for name, those in pictures.items() for picture in those]
    _tell_groups(everything, _by_content([picture for _, picture in everything]), "equal", findings)
    near = groups_of([picture.near for _, picture in everything])
    _tell_groups(everything, near, "nearly equal", findings)


def _read(split: AnnotatedSplit, row: int, decode: bool) -> Picture:
    path, size = split.folder / str(split.files[row]), tuple(split.sizes[row].tolist())
    try:
        check_size(path, *header(path), size, split.annotation_file.name)
        if decode:
            read_photograph(path, size)
        content = path.read_bytes()
    except (InputError, OSError) as error:
        return Picture(path, None, None, str(error))
    return Picture(path, hashlib.sha256(content).hexdigest(), difference_hash(path), None)


def _by_content(pictures: list[Picture]) -> np.ndarray:
    """(N,) number of the group of equal files."""
    numbers: dict[object, int] = {}
    keys = [picture.sha256 or picture.path for picture in pictures]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _tell_groups(everything: list[tuple[str, Picture]], groups: np.ndarray, how: str, findings: Findings):
    """Findings of photographs that are in two splits, or twice in one; nearly equal ones of one split are no fault."""
    members = defaultdict(list)
    for row, group in enumerate(groups.tolist()):
        members[group].append(everything[row])
    for those in members.values():
        names = dict.fromkeys(name for name, _ in those)
        first = " and ".join(str(next(p.path for name, p in those if name == each)) for each in names)
        if len(names) > 1:
            findings.add(f"photographs of {' and '.join(names)} that are {how}", first)
        elif len(those) > 1 and how == "equal":
            twins = " and ".join(str(picture.path) for _, picture in those[:2])
            findings.add(f"photographs that are twice in {next(iter(names))}", twins)
