"""Whether photographs are what their annotations say: some of them are looked at when a set is opened."""

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.photographs import fits_only_unturned, header, turned
from distill.data.reading.findings import Findings
from distill.system.errors import InputError

LOOKED_AT = 1000
"Photographs whose headers are read, evenly spread over the set."


def check_photographs(split: AnnotatedSplit) -> tuple[str, ...]:
    """What is to be said of the photographs: how many are turned by their EXIF, and what is done.

    Raises:
        InputError: one cannot be read or is of another size than its annotations.
    """
    count = len(split.image_ids)
    rows = np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).astype(int))
    findings = Findings(split.folder)
    for row in rows.tolist():
        path, size = split.folder / str(split.files[row]), tuple(split.sizes[row].tolist())
        stored, orientation = header(path)
        check_size(path, stored, orientation, size, split.annotation_file.name)
        if orientation > 1:
            of = f"of the {len(rows)} photographs looked at"
            if fits_only_unturned(stored, orientation, size):
                findings.add(
                    f"photographs {of} with an EXIF turn that their annotated size contradicts; they are read as they "
                    "are stored",
                    path.name,
                )
            else:
                findings.add(
                    f"photographs {of} with an EXIF turn; they are turned as viewers show them, so annotations must "
                    "be of the turned photograph",
                    path.name,
                )
    return findings.notes()


def check_size(path, stored: tuple[int, int], orientation: int, size: tuple[int, int], source: str):
    """Raises InputError where a photograph is of another size than its annotations, stored and turned."""
    if size not in (stored, turned(stored, orientation)):
        width, height = turned(stored, orientation)
        raise InputError(
            f"{path} is {width} x {height} pixels, but {source} says {size[0]} x {size[1]}; use photographs and "
            "annotations of the same release"
        )
