"""Photographs of sets that list none: all that can be opened."""

import os
from collections.abc import Sequence
from pathlib import Path

from distill.data.photographs import upright_size
from distill.data.reading.findings import Findings
from distill.system.errors import InputError


def readable(photographs: Sequence[Path], findings: Findings) -> tuple[Path, list[str], list[tuple[int, int]]]:
    """The folder that holds the photographs whose headers can be read, their paths in it, and their upright sizes.

    Args:
        findings: gets those that are left out.
    """
    found, sizes = [], []
    for photograph in photographs:
        try:
            sizes.append(upright_size(photograph))
            found.append(photograph)
        except InputError:
            findings.add("photographs that cannot be opened are left out", str(photograph))
    if not found:
        return Path(), [], []
    folder = Path(os.path.commonpath([photograph.parent for photograph in found]))
    return folder, [photograph.relative_to(folder).as_posix() for photograph in found], sizes
