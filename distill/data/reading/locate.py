"""Which file each photograph is: names as they come from other machines, matched with what lies in a folder."""

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np

from distill.data.photographs import is_photograph
from distill.data.reading.findings import Findings
from distill.system.errors import InputError


def first_folder(candidates: Sequence[Path]) -> Path:
    """The first of several folders that is there.

    Raises:
        InputError: none is.
    """
    for folder in candidates:
        if folder.is_dir():
            return folder
    *others, last = map(str, candidates)
    names = f"{', '.join(others)} or {last}" if others else last
    raise InputError(f"no photographs: there is no folder {names}; say where they are with data.images")


def photographs_in(folder: Path) -> list[str]:
    """Photographs in a folder and the folders in it, relative to it, sorted; hidden ones are none."""
    found, seen = [], set()
    for place, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders[:] = []
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(place).relative_to(folder)
        found += [(inside / name).as_posix() for name in files if is_photograph(Path(name))]
    return sorted(found)


def image_ids_of(files: Sequence[str]) -> np.ndarray:
    """Ids (N,) int64 of photographs in sets that give them none.

    The numbers that the files are called by, where all are, and no two the same, as with COCO's photographs; otherwise
    they count from 1 in the order of the files.
    """
    stems = [PurePosixPath(file).stem for file in files]
    if all(stem.isascii() and stem.isdecimal() and len(stem) < 19 for stem in stems):
        numbers = np.array([int(stem) for stem in stems], dtype=np.int64)
        if len(np.unique(numbers)) == len(files):
            return numbers
    return np.arange(1, len(files) + 1)


def locate(names: Sequence[str], folder: Path, findings: Findings) -> list[str]:
    """The file of each photograph, relative to the folder.

    Names may have folders that are not there, backslashes, percent signs for spaces, another case, or another way
    to write accents: the file is then the one whose path ends as the name does.

    Args:
        names: as the annotations have them.
        folder: which holds the photographs, also in folders of its own.
        findings: gets how many names were not found as they stand.

    Raises:
        InputError: a photograph is not there, or two names lead to the same one.
    """
    names, present = list(names), {entry.name for entry in os.scandir(folder)}
    if present.issuperset(names):
        return names
    index = _Index(folder)
    files, absent = {}, []
    for name in dict.fromkeys(names):
        file = index.find(name)
        if file is None:
            absent.append(name)
        else:
            files[name] = file
    if absent:
        raise InputError(
            f"{findings.source} lists {len(absent)} photographs that are not in {folder}, first {absent[0]!r:.200}; "
            "fetch them, or say with data.images where they are"
        )
    owners = Counter(files.values())
    if shared := next((file for file, count in owners.items() if count > 1), None):
        first, second = [name for name, file in files.items() if file == shared][:2]
        raise InputError(
            f"{findings.source}: {first!r:.200} and {second!r:.200} can both only be {folder / shared}; keep the "
            "folders that the names have"
        )
    moved = [name for name in names if name.replace("\\", "/").removeprefix("./") != files[name]]
    if moved:
        findings.add(
            f"photographs found in {folder} under another path than the annotations have",
            f"{moved[0]!r:.200}",
            len(moved),
        )
    return [files[name] for name in names]


class _Index:
    """Photographs of a folder by the ends of their paths."""

    def __init__(self, folder: Path):
        self._by_path, self._by_key, self._by_name = {}, defaultdict(list), defaultdict(list)
        for file in photographs_in(folder):
            self._by_path[file] = file
            self._by_key[_key(file)].append(file)
            self._by_name[_key(PurePosixPath(file).name)].append(file)

    def find(self, name: str) -> str | None:
        """The only file that a name can mean; None where there is none or several."""
        for written in dict.fromkeys((name, name.replace("\\", "/"), unquote(name.replace("\\", "/")))):
            for end in _ends(written):
                if end in self._by_path:
                    return end
                if len(found := self._by_key.get(_key(end), [])) == 1:
                    return found[0]
            if len(found := self._by_name.get(_key(PurePosixPath(written).name), [])) == 1:
                return found[0]
        return None


def _ends(name: str) -> Iterator[str]:
    """A path without its first folders, from all of it to the file's own name."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return ("/".join(parts[start:]) for start in range(len(parts)))


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
